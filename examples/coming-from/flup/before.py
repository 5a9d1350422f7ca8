#!/usr/bin/env python3
# A form, an answer in pieces, the mount point, and the log of the web server.
from urllib.parse import parse_qs

from flup.server.fcgi import WSGIServer


def application(environ, start_response):
    path = environ["PATH_INFO"]
    headers = [("Content-Type", "text/plain; charset=utf-8")]
    if path == "/old":
        start_response("301 Moved Permanently", headers + [("Location", environ["SCRIPT_NAME"] + "/")])
        return []
    if path == "/count":
        start_response("200 OK", headers)
        return (f"{n}\n".encode() for n in (3, 2, 1))
    if path != "/":
        start_response("404 Not Found", headers)
        return [f"There is no {path} below {environ['SCRIPT_NAME']}\n".encode()]
    if environ["REQUEST_METHOD"] == "POST":
        query = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
    else:
        query = environ["QUERY_STRING"]
    name = parse_qs(query).get("name", ["stranger"])[0]
    environ["wsgi.errors"].write(f"Greeted {name}\n")
    start_response("200 OK", headers)
    return [f"Hello, {name}, from {environ['REMOTE_ADDR']}\n".encode()]


WSGIServer(application, bindAddress="/run/app/fcgi.sock").run()

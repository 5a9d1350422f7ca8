// A form, an answer in pieces, parameters of the web server, and its log.
const fcgi = require("node-fastcgi");

const server = fcgi.createServer((req, res) => {
  const { pathname, searchParams } = new URL(req.url, "http://localhost");
  res.setHeader("Content-Type", "text/plain; charset=utf-8");
  if (pathname === "/old") {
    res.writeHead(301, { Location: "/" });
    res.end();
  } else if (pathname === "/count") {
    for (const n of [3, 2, 1]) res.write(`${n}\n`);
    res.end();
  } else if (pathname !== "/") {
    res.statusCode = 404;
    res.end(`There is no ${pathname}\n`);
  } else {
    let body = "";
    req.on("data", (data) => body += data);
    req.on("end", () => {
      const form = req.method === "POST" ? new URLSearchParams(body) : searchParams;
      const name = form.get("name") ?? "stranger";
      req.socket.errorStream.write(`Greeted ${name}\n`);
      const { REQUEST_METHOD } = req.socket.params;
      res.end(`Hello, ${name}, from ${req.socket.remoteAddress} by ${REQUEST_METHOD}\n`);
    });
  }
});

server.listen("/run/app/fcgi.sock");

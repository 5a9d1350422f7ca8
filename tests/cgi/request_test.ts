import { assert, assertEquals, assertStrictEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import type { Rejection } from "../../src/cgi/rejection.ts";
import { createRequest, methodAllowsBody } from "../../src/cgi/request.ts";
import { captured, paramsOf } from "./_captures.ts";

const BODY = new TextEncoder().encode("name=value");

function make(
  method: string | undefined,
  body: ReadableStream<Uint8Array> | Uint8Array | null = null,
): Request | Rejection {
  const params = paramsOf({ HTTP_HOST: "h", REQUEST_URI: "/x" });
  if (method !== undefined) params.append("REQUEST_METHOD", method);
  return createRequest(params, body);
}

function request(method: string, body?: ReadableStream<Uint8Array> | Uint8Array): Request {
  const result = make(method, body);
  assert(result instanceof Request, `${method} gave ${JSON.stringify(result)}`);
  return result;
}

/** Bun's `Request` knows a fixed list of methods. */
const knowsEveryMethod = new Request("http://h/", { method: "FROB" }).method === "FROB";

const takesAnyBody = takesBody("GET");

describe("createRequest", () => {
  it("makes a real Request", () => {
    const made = request("GET");
    assertStrictEquals(made.constructor.name, "Request");
    assertStrictEquals(Object.prototype.toString.call(made), "[object Request]");
    assertEquals([made.method, made.url, made.body], ["GET", "http://h/x", null]);
  });

  it("passes methods on, in the case that Request gives them", () => {
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
      assertEquals(request(method).method, method);
    }
    assertEquals(request("get").method, "GET");
    assertEquals(request("Post").method, "POST");
    assertEquals(request("patch").method.toUpperCase(), "PATCH");
  });

  it("answers 501 to what Request refuses, and names it", () => {
    for (const method of ["TRACE", "TRACK", "CONNECT", "trace", "Connect"]) {
      assertEquals(make(method), { status: 501, reason: `Method is not implemented: ${method}` });
    }
    for (const server of ["lighttpd", "apache", "haproxy"] as const) {
      const result = createRequest(captured(server, "method-trace"), null);
      assertEquals(result, { status: 501, reason: "Method is not implemented: TRACE" });
    }
  });

  it("never makes GET of a method it does not know: passes it on, or answers 501", () => {
    for (const method of ["FROB", "X-Y!", "frob"]) {
      const result = make(method);
      if (knowsEveryMethod) assertEquals((result as Request).method, method);
      else assertEquals(result, { status: 501, reason: `Method is not implemented: ${method}` });
    }
  });

  it("answers 400 to what is no method", () => {
    for (const method of [undefined, "", "G ET", "GET\r\n", "G\0T", "GET:", "M\xc4", "(GET)"]) {
      assertEquals(make(method), { status: 400, reason: "Method is not valid" });
    }
  });

  it("answers 400 to a host that passes for one until it is parsed", () => {
    const result = createRequest(
      paramsOf({ REQUEST_METHOD: "GET", HTTP_HOST: "h:65536", REQUEST_URI: "/" }),
      null,
    );
    assertEquals(result, { status: 400, reason: "URL is not valid" });
  });

  it("gives reasons that are safe to log and to show", () => {
    for (const method of ["TRACE", "G\r\nET", "\xff"]) {
      const result = make(method) as Rejection;
      assert(/^[\x20-\x7e]+$/.test(result.reason));
    }
  });

  it("takes a body of bytes", async () => {
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "post"]) {
      assertEquals(await request(method, BODY).bytes(), BODY);
    }
  });

  it("takes a body of a stream", async () => {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(BODY.subarray(0, 4));
        controller.enqueue(BODY.subarray(4));
        controller.close();
      },
    });
    assertEquals(await request("POST", stream).text(), "name=value");
  });

  it("takes the body whatever CONTENT_LENGTH says", async () => {
    for (const length of ["", "-1", "0", "3", "0003", "999"]) {
      const params = paramsOf({ REQUEST_METHOD: "POST", REQUEST_URI: "/", CONTENT_LENGTH: length });
      const made = createRequest(params, BODY) as Request;
      assertEquals(await made.text(), "name=value");
    }
  });

  it("leaves out the body of a GET or HEAD", () => {
    for (const method of ["GET", "HEAD", "get", "Head"]) {
      assertStrictEquals(request(method, BODY).body, null);
      assertStrictEquals(request(method, new ReadableStream()).body, null);
    }
    const params = captured("nginx", "get-body");
    assertEquals((createRequest(params, BODY) as Request).headers.get("content-length"), "5");
  });

  it("has no body where none is given", () => {
    assertStrictEquals(request("POST").body, null);
  });

  it("invents no content-type for a body", () => {
    assertStrictEquals(request("POST", BODY).headers.get("content-type"), null);
  });

  it("parses forms", async () => {
    const made = createRequest(captured("nginx", "post-form"), BODY) as Request;
    assertEquals((await made.formData()).get("name"), "value");
  });
});

describe("methodAllowsBody", () => {
  it("is false for GET and HEAD alone, whatever their case", () => {
    for (const method of ["GET", "HEAD", "get", "Head"]) assert(!methodAllowsBody(method), method);
    for (const method of ["POST", "DELETE", "OPTIONS", "PATCH", "GETS", "", "X"]) {
      assert(methodAllowsBody(method), method);
    }
  });

  it("is true wherever Request takes a body", { skip: takesAnyBody && "Bun takes any" }, () => {
    for (const method of ["GET", "HEAD", "get", "Head", "POST", "DELETE", "OPTIONS", "PATCH"]) {
      let refused = false;
      try {
        new Request("http://h/", { method, body: "x" });
      } catch {
        refused = true;
      }
      assertEquals(methodAllowsBody(method), !refused, method);
    }
  });
});

function takesBody(method: string): boolean {
  try {
    return new Request("http://h/", { method, body: "x" }).method === method;
  } catch {
    return false;
  }
}

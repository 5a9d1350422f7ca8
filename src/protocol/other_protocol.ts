import { FCGI_HEADER_LEN } from "./constants.ts";

/**
 * Detects another protocol (TLS, PROXY, HTTP) in the eight bytes at `start`, where a record header
 * should be, and returns its name with a remedy; `undefined` if none is recognized. A person who
 * tries an application with a browser or curl then reads that, not something about a version.
 */
export function otherProtocol(bytes: Uint8Array, start: number): string | undefined {
  const text = String.fromCharCode(...bytes.subarray(start, start + FCGI_HEADER_LEN));
  // A handshake record of SSL 3.0 or TLS 1.x.
  if (text.startsWith("\x16\x03")) {
    return "the other end speaks TLS, not FastCGI; TLS is for the web server in front";
  }
  if (text.startsWith("PROXY ") || text === "\r\n\r\n\0\r\nQ") {
    return "the other end speaks the PROXY protocol before FastCGI; turn that off for this address";
  }
  if (text.startsWith("HTTP/")) {
    return "the other end answers in HTTP, not FastCGI; it is a web server, or takes HTTP only";
  }
  // A method and its space: the longest common ones (OPTIONS, PROPFIND) fill the eight bytes.
  if (/^(?:[A-Z]{3,7} |[A-Z]{8})/.test(text)) {
    return "the other end speaks HTTP, not FastCGI; put a web server, or serveGateway, in between";
  }
  return undefined;
}

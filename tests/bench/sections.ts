// The places where servers and requests are measured: from what a user runs to the engine alone,
// and the other half, the web server's.

export const SECTIONS = {
  direct: {
    title: "Directly on the FastCGI socket",
    note: "fcgiload on the Unix socket, 26 parameters. Uploads and downloads are of 1 MB " +
      "(2²⁰ bytes), an upload in records of 32 kB.",
  },
  nginx: {
    title: "Behind nginx, with kept connections",
    note:
      "wrk through nginx, keep-alive to the server. CPU is the server's alone, without nginx; " +
      "req/s is mostly nginx's limit.",
  },
  stock: {
    title: "Behind nginx as it comes",
    note: "wrk through nginx, which opens a connection to the server for each request: " +
      "fastcgi_pass and proxy_pass with nothing said about keep-alive.",
  },
  engine: {
    title: "The engine alone",
    note: "In memory, without a socket: 16 connections, each with one request at a time.",
  },
  gateway: {
    title: "In front of an application",
    note: "wrk through the gateway, or a web server in its place, to libfcgi (C), which has a " +
      "connection for each request. CPU is that of the one in front alone.",
  },
} as const;

export type Section = keyof typeof SECTIONS;

// What is asked, and what has to be answered. The paths are those of servers/handler.ts.

import type { Section } from "./sections.ts";

/** The headers of a browser; fcgiload sends the same. */
export const HEADERS: Record<string, string> = {
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language": "en-US,en;q=0.5",
  "Accept-Encoding": "gzip, deflate, br",
  "Connection": "keep-alive",
  "Cookie": "session=0123456789abcdef0123456789abcdef; theme=dark",
};

const MB = 2 ** 20;
const HELLO = "Hello, world!\n";

export interface Case {
  /** For `--case`. */
  name: string;
  /** For the table. */
  title: string;
  sections: Section[];
  url: string;
  /** Bytes of the request's body. */
  post?: number;
  /** Request headers beyond those of a browser. */
  extraHeaders?: number;
  /** A connection for each request, where it is up to the load generator. */
  newConnections?: true;
  /** The body that has to come. */
  reply: string;
  /** The `set-cookie` that has to come. */
  cookie?: string;
  /** Each request moves one MB, so µs per request are µs per MB. */
  perMB?: true;
}

export const CASES: Case[] = [
  {
    name: "hello",
    title: "hello",
    sections: ["direct", "nginx", "stock", "engine", "gateway"],
    url: "/hello?name=world",
    reply: HELLO,
  },
  {
    name: "null",
    title: "null body",
    sections: ["engine"],
    url: "/null",
    reply: "",
  },
  {
    name: "json",
    title: "JSON",
    sections: ["nginx", "stock", "engine"],
    url: "/json?name=world",
    reply: JSON.stringify({
      path: "/json",
      name: "world",
      language: "en-US",
      session: "0123456789abcdef0123456789abcdef",
    }),
    cookie: "language=en-US; Path=/; HttpOnly",
  },
  {
    name: "connection",
    title: "one connection each",
    sections: ["direct"],
    url: "/hello?name=world",
    newConnections: true,
    reply: HELLO,
  },
  {
    name: "headers",
    title: "30 more headers",
    sections: ["direct", "engine"],
    url: "/hello?name=world",
    extraHeaders: 30,
    reply: HELLO,
  },
  {
    name: "post",
    title: "POST 8 kB",
    sections: ["direct", "engine"],
    url: "/arrayBuffer",
    post: 8192,
    reply: "8192",
  },
  {
    name: "upload",
    title: "upload streamed, per MB",
    sections: ["direct", "engine"],
    url: "/upload",
    post: MB,
    reply: `${MB}`,
    perMB: true,
  },
  {
    name: "whole",
    title: "upload whole, per MB",
    sections: ["direct"],
    url: "/arrayBuffer",
    post: MB,
    reply: `${MB}`,
    perMB: true,
  },
  {
    name: "download",
    title: "download, per MB",
    sections: ["direct", "engine"],
    url: "/download",
    reply: "x".repeat(MB),
    perMB: true,
  },
];

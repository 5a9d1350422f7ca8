/** Status codes and their reason phrases (RFC 9110, section 15, and the IANA registry). */

const PHRASES: Record<number, string> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  203: "Non-Authoritative Information",
  204: "No Content",
  205: "Reset Content",
  206: "Partial Content",
  207: "Multi-Status",
  208: "Already Reported",
  226: "IM Used",
  300: "Multiple Choices",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  305: "Use Proxy",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  418: "I'm a teapot",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  423: "Locked",
  424: "Failed Dependency",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  506: "Variant Also Negotiates",
  507: "Insufficient Storage",
  508: "Loop Detected",
  510: "Not Extended",
  511: "Network Authentication Required",
};

/** The standard reason phrase of a code; `"Unknown"` for one that has none. */
export function reasonPhrase(code: number): string {
  return PHRASES[code] ?? "Unknown";
}

/** A reason phrase that is not blank and cannot break its line. */
const PRINTABLE = /^[!-~\x80-\xff][ -~\x80-\xff]*$/;

/** Prebuilt lines of the codes with a standard phrase. */
const LINES = new Map<number, string>();
for (const [code, phrase] of Object.entries(PHRASES)) LINES.set(Number(code), line(code, phrase));

/**
 * The `Status` line and the end of the header block (RFC 3875, section 6.3.3). The reason phrase is
 * the standard one: lighttpd and Caddy send that anyway, and without a phrase nginx sends none and
 * h2o "OK". A code without a standard phrase gets the application's, if printable, else "Unknown".
 */
export function statusLine(code: number, statusText: string): string {
  return LINES.get(code) ?? line(code, PRINTABLE.test(statusText) ? statusText : "Unknown");
}

function line(code: number | string, phrase: string): string {
  return `Status: ${code} ${phrase}\r\n\r\n`;
}

/**
 * Whether the status is a final one (200 to 599): after an informational one, the rest of the
 * response would leak to the client.
 */
export function isFinalStatus(code: number): boolean {
  return Number.isInteger(code) && code >= 200 && code <= 599;
}

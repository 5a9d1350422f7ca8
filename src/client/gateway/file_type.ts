/**
 * Media types of the files that websites are made of, by the ends of their names: those of the IANA
 * registry, for scripts and modules those of the HTML standard. Text is taken for UTF-8.
 */

// As loaded: applications replace the global.
const { Map } = globalThis;

/** A file that may be anything (RFC 2046, section 4.5.1). */
const UNKNOWN = "application/octet-stream";

const TEXT = {
  "text/css": "css",
  "text/csv": "csv",
  "text/html": "html htm",
  "text/javascript": "js mjs",
  "text/markdown": "md",
  "text/plain": "txt log",
  "text/vtt": "vtt",
  "text/calendar": "ics",
};

const OTHER = {
  "application/atom+xml": "atom",
  "application/epub+zip": "epub",
  "application/gzip": "gz tgz",
  "application/json": "json map",
  "application/ld+json": "jsonld",
  "application/manifest+json": "webmanifest",
  "application/pdf": "pdf",
  "application/rss+xml": "rss",
  "application/wasm": "wasm",
  "application/xhtml+xml": "xhtml",
  "application/xml": "xml xsl",
  "application/zip": "zip",
  "audio/flac": "flac",
  "audio/mp4": "m4a",
  "audio/mpeg": "mp3",
  "audio/ogg": "oga ogg opus",
  "audio/wav": "wav",
  "font/otf": "otf",
  "font/ttf": "ttf",
  "font/woff": "woff",
  "font/woff2": "woff2",
  "image/avif": "avif",
  "image/bmp": "bmp",
  "image/gif": "gif",
  "image/jpeg": "jpg jpeg",
  "image/png": "png",
  "image/svg+xml": "svg",
  "image/vnd.microsoft.icon": "ico",
  "image/webp": "webp",
  "video/mp4": "mp4 m4v",
  "video/ogg": "ogv",
  "video/webm": "webm",
};

const TYPES = new Map<string, string>();
for (const [type, endings] of Object.entries(TEXT)) {
  for (const ending of endings.split(" ")) TYPES.set(ending, `${type}; charset=utf-8`);
}
for (const [type, endings] of Object.entries(OTHER)) {
  for (const ending of endings.split(" ")) TYPES.set(ending, type);
}

/** The Content-Type of a file (RFC 9110, section 8.3), by its name. */
export function fileType(name: string): string {
  const dot = name.lastIndexOf(".");
  // `.png` is a hidden file without an ending.
  if (dot <= name.lastIndexOf("/") + 1) return UNKNOWN;
  return TYPES.get(name.slice(dot + 1).toLowerCase()) ?? UNKNOWN;
}

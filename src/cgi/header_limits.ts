/** Header block limits of web servers. A larger block is sent all the same, with a warning. */

/**
 * The largest header block of stock nginx, in bytes: `fastcgi_buffer_size 4k` less the record
 * header. Beyond that it answers 502 "upstream sent too big header".
 */
export const NGINX_HEADER_LIMIT = 4087;

/**
 * The longest header line of Apache, in bytes without CRLF: its buffers are `LimitRequestFieldSize`
 * long. Beyond that it answers 500.
 */
export const APACHE_LINE_LIMIT = 8189;

/**
 * A warning for the log if a web server will refuse this header block, else `null`. The block is
 * ASCII or Latin-1 text, so it has as many bytes as code units.
 */
export function headerLimitWarning(head: string): string | null {
  if (head.length <= NGINX_HEADER_LIMIT) return null;
  let longest = 0;
  for (const line of head.split("\r\n")) longest = Math.max(longest, line.length);
  if (longest > APACHE_LINE_LIMIT) {
    return `A header line of the response is longer than Apache takes: ${longest} bytes, ` +
      `limit ${APACHE_LINE_LIMIT}`;
  }
  return `Header block of the response is larger than stock nginx takes: ${head.length} bytes, ` +
    `limit ${NGINX_HEADER_LIMIT} (fastcgi_buffer_size 16k; fastcgi_buffers 8 16k;)`;
}

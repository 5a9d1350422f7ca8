/** Percent-decodes text (RFC 3986, section 2.1), each byte to one code unit. */
export function percentDecode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

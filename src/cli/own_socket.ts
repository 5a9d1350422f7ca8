/** The path of the own socket of a worker: that of `app.sock` is `app.0.sock`, `app.1.sock` … */
export function ownSocket(path: string, slot: number): string {
  const [, stem = path, extension = ""] = path.match(/^(.*[^/])(\.[^./]+)$/s) ?? [];
  return `${stem}.${slot}${extension}`;
}

/** Arguments of each `console.error` while `body` runs; nothing is printed. */
export async function captureConsoleError(body: () => Promise<void>): Promise<unknown[][]> {
  const printed: unknown[][] = [];
  const original = console.error;
  console.error = (...values) => void printed.push(values);
  try {
    await body();
  } finally {
    console.error = original;
  }
  return printed;
}

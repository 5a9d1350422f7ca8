// One measurement of one row, and what all its rounds come to.

/** Load: so many connections, each with one request at a time. */
export const CONNECTIONS = 16;

export interface Sample {
  /** CPU time of the server per request, µs. */
  cpu: number;
  /** Requests per second, and their latency in µs; the engine alone has none. */
  rps?: number;
  p50?: number;
  p99?: number;
  /** The same measured of another commit, in the same process. */
  base?: {
    cpu: number;
    /** Of pairs of batches, this by the other. */
    ratios: number[];
  };
}

export interface Spread {
  median: number;
  min: number;
  max: number;
}

export function spread(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), min: sorted[0], max: sorted[sorted.length - 1] };
}

/** What many noisy values say of the one behind them. */
export interface Estimate {
  median: number;
  /** The median is right to within this, 19 times in 20. */
  error: number;
  /** The middle half of the values. */
  low: number;
  high: number;
}

export function estimate(values: number[]): Estimate {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, median, high] = [0.25, 0.5, 0.75].map((part) => quantile(sorted, part));
  // The notch of a box plot (McGill, Tukey and Larsen, 1978).
  return { median, error: 1.57 * (high - low) / Math.sqrt(values.length), low, high };
}

/** Of values in order; between two of them in proportion. */
function quantile(sorted: number[], part: number): number {
  const at = (sorted.length - 1) * part;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low);
}

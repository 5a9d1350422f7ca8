// One measurement of one server, and what all rounds of a server come to.

/** Load: so many connections, each with one request at a time. */
export const CONNECTIONS = 16;

/** What every server answers. */
export const BODY = "Hello, world!\n";

export interface Sample {
  /** CPU time of the server per request, µs. */
  cpu: number;
  /** Requests per second. */
  rps: number;
  /** Latency, µs. */
  p50: number;
  p99: number;
}

export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** The spread of each number over the rounds. */
export function summary(samples: Sample[]): Record<keyof Sample, Spread> {
  const of = (key: keyof Sample): Spread => {
    const sorted = samples.map((sample) => sample[key]).sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    return { median, min: sorted[0], max: sorted[sorted.length - 1] };
  };
  return { cpu: of("cpu"), rps: of("rps"), p50: of("p50"), p99: of("p99") };
}

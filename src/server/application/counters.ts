/** What a server has done since it was started; written by the engine, read by `stats()`. */
export class Counters {
  readonly startTime: number = Date.now();
  connectionsAccepted = 0;
  connectionsRefused = 0;
  requestsAccepted = 0;
  /** The most requests at once. */
  maxRequestsInFlight = 0;
  requestsRejected = 0;
  requestsFailed = 0;
  requestsAborted = 0;
}

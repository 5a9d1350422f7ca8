/** The exit codes of `fcgi`; those from 7 on are curl's. */
export const ExitCode = {
  SUCCESS: 0,
  FAILED: 1,
  USAGE: 2,
  /** The application could not be loaded. */
  NOT_LOADED: 3,
  NO_CONNECTION: 7,
  /** An HTTP status of 400 or more, with `--fail`. */
  HTTP_ERROR: 22,
  TIMEOUT: 28,
} as const;

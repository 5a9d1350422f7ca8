/** The version this module speaks: the first byte of every record (FastCGI 1.0, section 3.3). */
export const FCGI_VERSION_1 = 1;

/** Bytes in a record header (FastCGI 1.0, section 8, `FCGI_HEADER_LEN`). */
export const FCGI_HEADER_LEN = 8;

/** The most content one record can carry, in bytes: `contentLength` has two bytes (section 3.3). */
export const FCGI_MAX_CONTENT_LEN = 65535;

/** The request id of management records (section 3.3). */
export const FCGI_NULL_REQUEST_ID = 0;

/** Bit of `BEGIN_REQUEST.flags`: the application keeps the connection open (section 5.1). */
export const FCGI_KEEP_CONN = 1;

/** The record types (section 8), by the specification's names without their prefix. */
export const RecordType = {
  BEGIN_REQUEST: 1,
  ABORT_REQUEST: 2,
  END_REQUEST: 3,
  PARAMS: 4,
  STDIN: 5,
  STDOUT: 6,
  STDERR: 7,
  DATA: 8,
  GET_VALUES: 9,
  GET_VALUES_RESULT: 10,
  UNKNOWN_TYPE: 11,
} as const;

/** One of the eleven record types of FastCGI 1.0. */
export type RecordType = typeof RecordType[keyof typeof RecordType];

/** The roles an application can be asked to play (section 6). */
export const Role = {
  RESPONDER: 1,
  AUTHORIZER: 2,
  FILTER: 3,
} as const;

/** One of the three roles of FastCGI 1.0. */
export type Role = typeof Role[keyof typeof Role];

/** The roles by their names in the public modules. */
export const ROLE_NUMBERS = {
  responder: Role.RESPONDER,
  authorizer: Role.AUTHORIZER,
  filter: Role.FILTER,
} as const;

/**
 * `END_REQUEST.appStatus` of a truncated response: it broke off after its header block, on a
 * connection that other requests share and that therefore stays open. After a complete response it
 * is 0, and no web server looks at it. A smaller number could be the exit status of a program (PHP
 * ends complete responses so, after `exit(1)` or a fatal error). This one cannot be, and its last
 * byte, which `cgi-fcgi` exits with, is not 0.
 */
export const BROKEN_OFF = 257;

/**
 * `END_REQUEST.protocolStatus` (section 5.5). Web servers turn every value but the first into an
 * error page.
 */
export const ProtocolStatus = {
  REQUEST_COMPLETE: 0,
  CANT_MPX_CONN: 1,
  OVERLOADED: 2,
  UNKNOWN_ROLE: 3,
} as const;

/** One of the four protocol statuses that a request can end with. */
export type ProtocolStatus = typeof ProtocolStatus[keyof typeof ProtocolStatus];

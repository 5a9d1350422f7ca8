/**
 * Numbers of FastCGI 1.0, section 8, by the specification's own names. They stand here once more
 * and are not taken from src/: a number that is wrong there must not be right here for that reason.
 *
 * @module
 */

export const FCGI_BEGIN_REQUEST = 1;
export const FCGI_ABORT_REQUEST = 2;
export const FCGI_END_REQUEST = 3;
export const FCGI_PARAMS = 4;
export const FCGI_STDIN = 5;
export const FCGI_STDOUT = 6;
export const FCGI_STDERR = 7;
export const FCGI_DATA = 8;
export const FCGI_GET_VALUES = 9;
export const FCGI_GET_VALUES_RESULT = 10;
export const FCGI_UNKNOWN_TYPE = 11;
/** The largest type that has a meaning; 0 has none either. */
export const FCGI_MAXTYPE = FCGI_UNKNOWN_TYPE;

/** The request id of management records. */
export const FCGI_NULL_REQUEST_ID = 0;

/** Bit of `FCGI_BeginRequestBody.flags`. */
export const FCGI_KEEP_CONN = 1;

export const FCGI_RESPONDER = 1;
export const FCGI_AUTHORIZER = 2;
export const FCGI_FILTER = 3;

export const FCGI_REQUEST_COMPLETE = 0;
export const FCGI_CANT_MPX_CONN = 1;
export const FCGI_OVERLOADED = 2;
export const FCGI_UNKNOWN_ROLE = 3;

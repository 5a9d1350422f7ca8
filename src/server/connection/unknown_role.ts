import { encodeLatin1 } from "../../cgi/latin1.ts";
import { statusLine } from "../../cgi/status.ts";
import { encodeEndRequest } from "../../protocol/bodies.ts";
import { ProtocolStatus, RecordType } from "../../protocol/constants.ts";
import { encodeStream } from "../../protocol/record.ts";
import { concat } from "../../protocol/request_start.ts";

/**
 * Encodes the answer to a request in a role that the handler does not take (FastCGI 1.0, section
 * 5.5).
 *
 * The client gets 500 as well: of END_REQUEST without a header block, whatever stands in it, Apache
 * makes an empty 200. And lighttpd takes it from an authorizer as a yes, so an application mounted
 * in the wrong mode would open what it was to guard.
 */
export function encodeUnknownRole(requestId: number): Uint8Array {
  const head = statusLine(500, "");
  const stdout = encodeStream(RecordType.STDOUT, requestId, encodeLatin1(head));
  const end = encodeEndRequest(requestId, {
    appStatus: 0,
    protocolStatus: ProtocolStatus.UNKNOWN_ROLE,
  });
  return concat([stdout, end]);
}

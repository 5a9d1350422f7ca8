import { encodeLatin1 } from "../../cgi/latin1.ts";
import { statusLine } from "../../cgi/status.ts";
import { encodeEndRequest } from "../../protocol/bodies.ts";
import { ProtocolStatus, RecordType } from "../../protocol/constants.ts";
import { encodeStream } from "../../protocol/record.ts";
import { concat } from "../../protocol/concat.ts";

/**
 * Encodes the answer to a request in a role that the handler does not accept: UNKNOWN_ROLE (FastCGI
 * 1.0, section 5.5).
 *
 * The client gets a 500 as well: Apache turns an END_REQUEST without a header block into an empty
 * 200, whatever its status. And lighttpd takes that from an authorizer as a grant, so an
 * application in the wrong mode would open what it was to protect.
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

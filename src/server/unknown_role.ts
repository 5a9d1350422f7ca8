import { encodeLatin1Into } from "../cgi/latin1.ts";
import { statusLine } from "../cgi/status.ts";
import { encodeEndRequest } from "../protocol/bodies.ts";
import { ProtocolStatus, RecordType, Role } from "../protocol/constants.ts";
import { encodeStream } from "../protocol/record.ts";

/**
 * Encodes the answer to a request in a role that the handler does not take (FastCGI 1.0, section 5.5).
 *
 * Who is asked as an authorizer answers 500 as well: lighttpd lets a request through when END_REQUEST comes without a
 * header block, whatever stands in it, so an application mounted in the wrong mode would open what it was to guard.
 */
export function encodeUnknownRole(requestId: number, role: number): Uint8Array {
  const end = encodeEndRequest(requestId, {
    appStatus: 0,
    protocolStatus: ProtocolStatus.UNKNOWN_ROLE,
  });
  if (role !== Role.AUTHORIZER) return end;
  const head = statusLine(500, "");
  const content = new Uint8Array(head.length);
  encodeLatin1Into(head, content, 0);
  const stdout = encodeStream(RecordType.STDOUT, requestId, content);
  const bytes = new Uint8Array(stdout.length + end.length);
  bytes.set(stdout);
  bytes.set(end, stdout.length);
  return bytes;
}

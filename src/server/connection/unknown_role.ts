import { encodeLatin1Into } from "../../cgi/latin1.ts";
import { statusLine } from "../../cgi/status.ts";
import { encodeEndRequest } from "../../protocol/bodies.ts";
import { ProtocolStatus, RecordType } from "../../protocol/constants.ts";
import { encodeStream } from "../../protocol/record.ts";

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
  const content = new Uint8Array(head.length);
  encodeLatin1Into(head, content, 0);
  const stdout = encodeStream(RecordType.STDOUT, requestId, content);
  const end = encodeEndRequest(requestId, {
    appStatus: 0,
    protocolStatus: ProtocolStatus.UNKNOWN_ROLE,
  });
  const bytes = new Uint8Array(stdout.length + end.length);
  bytes.set(stdout);
  bytes.set(end, stdout.length);
  return bytes;
}

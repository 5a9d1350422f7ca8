/** The rejections of a request whose streams are invalid or too large. */
import type { Rejection } from "../../cgi/rejection.ts";

/** More parameters than `maxParamsBytes`. */
export const PARAMS_TOO_LARGE: Rejection = {
  status: 431,
  reason: "Request header fields are too large",
};

/** A body that has to be buffered before the parameters have ended. */
export const BODY_TOO_EARLY: Rejection = {
  status: 400,
  reason: "The body came before the parameters",
};

/** A body that is too large; its handler gets the reason, too. */
export function bodyTooLarge(maxBodyBytes: number): Rejection {
  return { status: 413, reason: `The request body is larger than ${maxBodyBytes} bytes` };
}

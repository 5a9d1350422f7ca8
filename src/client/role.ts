/** What an application can be asked to be for one request (FastCGI 1.0, section 6). */
export type ClientRole = "responder" | "authorizer" | "filter";

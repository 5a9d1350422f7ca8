/** The roles that an application can be asked to play in a request (FastCGI 1.0, section 6). */
export type ClientRole = "responder" | "authorizer" | "filter";

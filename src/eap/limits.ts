/** Bounds on one EAP conversation. */

/** Requests and answers: the largest TLS message in fragments of `FRAGMENT_BYTES` both ways, and room to spare. */
export const MOST_ROUND_TRIPS = 150;
/** Received in one conversation. */
export const MOST_BYTES = 256 * 1024;
/** A TLS flight, put together of its fragments. Chains of certificates stay far below. */
export const MOST_TLS_MESSAGE_BYTES = 64 * 1024;
/** Bytes of an EAP packet, for carriers that do not say how much they take: fits IKE fragments and every PPP link. */
export const FRAGMENT_BYTES = 1020;
/** RFC 3748 §5.1 names no bound; RADIUS takes 253 bytes. */
export const MOST_IDENTITY_BYTES = 253;
/** RFC 2759 §4. */
export const MOST_NAME_BYTES = 256;
/** Text of a server that is shown. */
export const MOST_TEXT_BYTES = 256;

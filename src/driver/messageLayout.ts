/** Where the fields of `struct msghdr`, `mmsghdr`, `iovec` and `cmsghdr` stand on 64-bit Linux. recvmsg(2), cmsg(3). */

export const NAME_POINTER = 0;
export const NAME_LENGTH = 8;
export const IOVEC_POINTER = 16;
export const IOVEC_COUNT = 24;
export const CONTROL_POINTER = 32;
export const CONTROL_LENGTH = 40;
export const FLAGS = 48;

/** An mmsghdr is a msghdr and, behind it, how many bytes were received or sent. */
export const MESSAGE_LENGTH = 56;
export const MESSAGE_BYTES = 64;

/** An iovec is an address and a length. */
export const IOVEC_LENGTH = 8;
export const IOVEC_BYTES = 16;

export const CMSG_LEVEL = 8;
export const CMSG_TYPE = 12;
export const CMSG_DATA = 16;
/** Of a control message with a 16-bit number. */
export const CMSG_U16_BYTES = 24;

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

/** A msghdr with all that it points to in one block: an iovec, room for a `sockaddr_in6`, the control messages. */
export const HEADER = 0;
export const IOVEC = 56;
export const NAME = 72;
export const CONTROL = 104;

export const CMSG_LEVEL = 8;
export const CMSG_TYPE = 12;
export const CMSG_DATA = 16;
/** Of a control message with a 16-bit number. */
export const CMSG_U16_BYTES = 24;

/**
 * Offset of the data of a control message; 0 where there is none.
 * @param at where the control messages begin
 */
export function findControl(view: DataView, at: number, bytes: number, level: number, type: number): number {
  const end = at + bytes;
  while (at + CMSG_DATA <= end) {
    const length = view.getUint32(at, true);
    if (length < CMSG_DATA) return 0;
    if (view.getInt32(at + CMSG_LEVEL, true) === level && view.getInt32(at + CMSG_TYPE, true) === type) {
      return at + CMSG_DATA;
    }
    at += (length + 7) & ~7;
  }
  return 0;
}

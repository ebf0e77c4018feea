/** The control message types and the names that RFC 2661 gives them. RFC 2661 §3.2. */

export const MessageType = {
  SCCRQ: 1,
  SCCRP: 2,
  SCCCN: 3,
  StopCCN: 4,
  HELLO: 6,
  OCRQ: 7,
  OCRP: 8,
  OCCN: 9,
  ICRQ: 10,
  ICRP: 11,
  ICCN: 12,
  CDN: 14,
  WEN: 15,
  SLI: 16,
} as const;

export type MessageName = keyof typeof MessageType;

const nameOfType = new Map<number, MessageName>(
  Object.entries(MessageType).map(([name, type]) => [type, name as MessageName]),
);

/** The name of a message type, undefined for one that RFC 2661 does not define. */
export function messageNameOf(type: number): MessageName | undefined {
  return nameOfType.get(type);
}

/** Answers outside any tunnel, which leave no state behind. RFC 2661 §5.7, §7.2. */

import { Malformed } from '../wire/index.ts';
import type { ResultCode } from './avps.ts';
import { type ControlMessage, readControlMessage, writeControlMessage } from './header.ts';
import { encodeMessage, type ReceivedMessage } from './messages.ts';
import { MessageType } from './messageType.ts';
import type { L2tpOutput, TunnelId } from './output.ts';
import { GeneralError, StopResult } from './resultCodes.ts';
import { traceOf } from './summary.ts';

/** What a peer is told that uses a tunnel which is not there. */
export const NO_CONTROL_CONNECTION: ResultCode = {
  result: StopResult.generalError,
  error: GeneralError.noControlConnection,
};

/** @param id what the peer takes for our tunnel id, or a fresh one */
export function stopOf(
  answered: ControlMessage,
  peerTunnel: TunnelId,
  id: TunnelId,
  resultCode: ResultCode,
): readonly L2tpOutput[] {
  const avps = { assignedTunnelId: id, resultCode };
  const header = { tunnel: peerTunnel, session: 0, ...numbersFor(answered) };
  return [
    traceOf({ direction: 'out', type: MessageType.StopCCN, ...header, avps }),
    { type: 'send', bytes: writeControlMessage({ ...header, body: encodeMessage('StopCCN', avps) }) },
  ];
}

/** A ZLB for a StopCCN. */
export function acknowledgementOf(answered: ControlMessage, { avps }: ReceivedMessage): readonly L2tpOutput[] {
  const header = { tunnel: avps.assignedTunnelId ?? 0, session: 0, ...numbersFor(answered) };
  return [
    traceOf({ direction: 'out', type: undefined, ...header }),
    { type: 'send', bytes: writeControlMessage({ ...header, body: new Uint8Array(0) }) },
  ];
}

/**
 * The StopCCN that answers a control message of a tunnel that is not there, where there is no socket for its sender. It
 * names the tunnel that the sender takes for ours, because its own id is not known.
 * @returns undefined for what is no control message of a tunnel, and for one that only acknowledges or says goodbye
 */
export function stopUnknownTunnel(bytes: Uint8Array): Uint8Array | undefined {
  try {
    const message = readControlMessage(bytes);
    if (message.tunnel === 0 || message.body.length < FIRST_AVP_BYTES) return undefined;
    const type = (message.body[6]! << 8) | message.body[7]!;
    if (type === MessageType.StopCCN) return undefined;
    const avps = { assignedTunnelId: message.tunnel, resultCode: NO_CONTROL_CONNECTION };
    return writeControlMessage({ tunnel: 0, session: 0, ...numbersFor(message), body: encodeMessage('StopCCN', avps) });
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** The Message Type AVP, which every control message begins with. */
const FIRST_AVP_BYTES = 8;

function numbersFor({ ns, nr }: ControlMessage): { readonly ns: number; readonly nr: number } {
  return { ns: nr, nr: (ns + 1) & 0xffff };
}

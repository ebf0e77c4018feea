/** Answers outside any tunnel, which leave no state behind. RFC 2661 §5.7, §7.2. */

import type { ResultCode } from './avps.ts';
import { type ControlMessage, writeControlMessage } from './header.ts';
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

function numbersFor({ ns, nr }: ControlMessage): { readonly ns: number; readonly nr: number } {
  return { ns: nr, nr: (ns + 1) & 0xffff };
}

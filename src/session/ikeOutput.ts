/** IKE outputs that mean the same to every composition: datagrams, questions, keys for Wireshark and lines of the log. */

import type { IkeOutput, KeyAsk, KeyLog, SignatureAsk } from '../ike/output.ts';
import { failureText, type LogEntry, logEntry } from './log.ts';
import { type ToDataPlane, toDataPlane } from './output.ts';
import type { SessionRecord } from './record.ts';

/** The others change what a composition knows, or are counted by it. */
export type PassingIkeOutput = Extract<
  IkeOutput,
  { type: 'send' | 'keepalive' | 'ask' | 'askSignature' | 'keyLog' | 'ikeFailed' | 'trace' }
>;

/** @param record the session that the output belongs to, where that is known */
export function passOn(
  output: PassingIkeOutput,
  record: SessionRecord | undefined,
): ToDataPlane | KeyAsk | SignatureAsk | KeyLog | LogEntry {
  const session = record === undefined ? {} : { session: record.id };
  switch (output.type) {
    case 'send': {
      const { type: _, ...message } = output;
      return toDataPlane({ type: 'sendIke', ...message });
    }
    case 'keepalive':
      return toDataPlane({ type: 'sendKeepalive', local: output.local, remote: output.remote });
    case 'ask':
    case 'askSignature':
    case 'keyLog':
      return output;
    case 'ikeFailed': {
      const { failure, remote } = output;
      const fields = { ...failure, remote };
      return {
        type: 'log',
        level: 'warn',
        layer: 'ike',
        event: 'ike-failed',
        text: failureText(failure),
        ...session,
        fields,
      };
    }
    case 'trace':
      return { ...logEntry(output), ...session };
  }
}

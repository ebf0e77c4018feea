/** EAP-GTC: the password itself in answer to a text. Only inside protection; no key is made. RFC 3748 §5.6. */

import { Malformed, utf8 } from '../../wire/index.ts';
import type { EapMethod } from '../method.ts';
import { EapTypeNumber } from '../type.ts';

const PROMPT = 'Password: ';
const MOST_PASSWORD_BYTES = 1024;

export const gtc: EapMethod = {
  type: EapTypeNumber.GTC,
  makesKeys: false,

  server: ({ identity }) => ({
    start: () => utf8(PROMPT),
    receive: (password) => {
      if (password.length === 0 || password.length > MOST_PASSWORD_BYTES) {
        throw new Malformed(`EAP-GTC Response: ${password.length} bytes`);
      }
      return { do: 'ask', credentials: { method: 'pap', user: identity, password: password.slice() } };
    },
    answer: (answer) =>
      answer.accepted ? { do: 'succeed', identity, keys: {} } : { do: 'fail', failure: answer.reason, by: 'local' },
  }),

  peer: ({ credentials }) => ({
    receive: () => ({ do: 'respond', data: utf8(credentials.password ?? ''), decision: 'conditional' }),
  }),
};

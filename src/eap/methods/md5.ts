/** EAP-MD5: CHAP with MD5 inside EAP. The server proves nothing and no key is made. RFC 3748 §5.4. */

import { chapMd5Response } from '../../crypto/index.ts';
import { concat, Malformed, Reader, utf8 } from '../../wire/index.ts';
import type { EapMethod } from '../method.ts';
import { ignore } from '../method.ts';
import { EapTypeNumber } from '../type.ts';

const CHALLENGE_BYTES = 16;
const RESPONSE_BYTES = 16;

export const md5: EapMethod = {
  type: EapTypeNumber['MD5-Challenge'],
  makesKeys: false,

  server: ({ env, name, identity }) => {
    const challenge = env.random(CHALLENGE_BYTES);
    let identifier = 0;
    return {
      challenge,
      start: (of) => {
        identifier = of;
        return encodeValue(challenge, utf8(name));
      },
      receive: (data) => {
        const response = decodeValue(data);
        if (response.length !== RESPONSE_BYTES) throw new Malformed('EAP-MD5 Response: not 16 bytes');
        return { do: 'ask', credentials: { method: 'chap-md5', user: identity, identifier, challenge, response } };
      },
      answer: (answer) =>
        answer.accepted ? { do: 'succeed', identity, keys: {} } : { do: 'fail', failure: answer.reason, by: 'local' },
    };
  },

  peer: ({ env, credentials, isOurChallenge }) => ({
    receive: (data, identifier) => {
      const challenge = decodeValue(data);
      if (challenge.length === 0) throw new Malformed('EAP-MD5 Request: no challenge');
      if (isOurChallenge(challenge)) return ignore('reflected-challenge', 'The peer sent our own challenge back.');
      const secret = utf8(credentials.password ?? '');
      const value = chapMd5Response(env.crypto, identifier, secret, challenge);
      return { do: 'respond', data: encodeValue(value, utf8(credentials.user)), decision: 'conditional' };
    },
  }),
};

const encodeValue = (value: Uint8Array, name: Uint8Array) => concat(Uint8Array.of(value.length), value, name);

/** The Name behind the value says nothing that the identity has not said. */
function decodeValue(data: Uint8Array): Uint8Array {
  const from = new Reader(data, 'EAP-MD5');
  return from.bytes(from.u8()).slice();
}

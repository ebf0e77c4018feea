/** EAP-MSCHAPv2, the authenticator's half. draft-kamath-pppext-eap-mschapv2-02. */

import type { Failure } from '../../core/index.ts';
import { msChapV2Msk } from '../../crypto/index.ts';
import { fromUtf8, utf8 } from '../../wire/index.ts';
import type { EapUserAnswer } from '../credentials.ts';
import { MOST_NAME_BYTES } from '../limits.ts';
import { type EapKeys, ignore, type ServerMethod, type ServerMethodParts, type ServerTurn } from '../method.ts';
import { CHALLENGE_BYTES, failureMessage, RESPONSE_BYTES, readResponse } from './msChapV2Message.ts';
import {
  decodeMsChapV2,
  encodeMsChapV2,
  type MsChapV2Packet,
  OpCode,
  readValue,
  writeValue,
} from './msChapV2Packet.ts';

type State =
  | { readonly name: 'challenged' }
  /** A Response is being judged. */
  | { readonly name: 'judging' }
  | { readonly name: 'accepted'; readonly keys: EapKeys }
  /** Failure with R=1 is out: a Response to the new challenge, or a bare Failure, may come. */
  | { readonly name: 'retrying'; readonly failure: Failure }
  | { readonly name: 'refused'; readonly failure: Failure };

export class MsChapV2Server implements ServerMethod {
  readonly #parts: ServerMethodParts;
  #state: State = { name: 'challenged' };
  #challenge: Uint8Array;
  #identifier = 0;
  #retriesLeft: number;
  #user = '';

  constructor(parts: ServerMethodParts) {
    this.#parts = parts;
    this.#retriesLeft = parts.retries;
    this.#challenge = this.#newChallenge();
  }

  get challenge(): Uint8Array {
    return this.#challenge;
  }

  get refusal(): Failure | undefined {
    return 'failure' in this.#state ? this.#state.failure : undefined;
  }

  start(identifier: number): Uint8Array {
    this.#identifier = identifier;
    return this.#packet(OpCode.Challenge, writeValue(this.#challenge, utf8(this.#parts.name)));
  }

  receive(data: Uint8Array): ServerTurn {
    const packet = decodeMsChapV2(data);
    const { name } = this.#state;
    switch (packet.opCode) {
      case OpCode.Response:
        return name === 'challenged' || name === 'retrying' ? this.#response(packet) : OUT_OF_TURN;
      case OpCode.Success:
        if (this.#state.name !== 'accepted') return OUT_OF_TURN;
        return { do: 'succeed', identity: this.#user, keys: this.#state.keys };
      case OpCode.Failure:
        if (this.#state.name === 'retrying' || this.#state.name === 'refused') {
          return { do: 'fail', failure: this.#state.failure, by: 'local' };
        }
        // The peer does not believe our proof, which our own store made of the password it holds.
        if (name === 'accepted') return { do: 'fail', failure: PROOF_REFUSED, by: 'peer' };
        return OUT_OF_TURN;
      case OpCode.ChangePassword:
        return name === 'retrying' || name === 'refused'
          ? { do: 'fail', failure: NO_CHANGES, by: 'local' }
          : OUT_OF_TURN;
      default:
        return ignore('unexpected-authentication', `EAP-MSCHAPv2 with the unknown OpCode ${packet.opCode}.`);
    }
  }

  answer(answer: EapUserAnswer, nextIdentifier: number): ServerTurn {
    if (!answer.accepted) return this.#refuse(answer, nextIdentifier);
    const { authenticatorResponse, masterKey, message } = answer;
    if (authenticatorResponse === undefined) {
      const failure = { code: 'internal', reason: 'The authentication answer came without an authenticator response.' };
      return this.#refuse({ accepted: false, reason: failure }, nextIdentifier);
    }
    const keys = masterKey === undefined ? {} : { msk: msChapV2Msk(this.#parts.env.crypto, masterKey) };
    this.#state = { name: 'accepted', keys };
    const text = `${authenticatorResponse} M=${message ?? 'Welcome'}`;
    return { do: 'request', data: this.#packet(OpCode.Success, utf8(text)) };
  }

  #response({ identifier, data }: MsChapV2Packet): ServerTurn {
    const { value, name } = readValue(data, RESPONSE_BYTES);
    const response = readResponse(value);
    if (response === undefined || name.length > MOST_NAME_BYTES) {
      return ignore('malformed', 'EAP-MSCHAPv2 Response of a wrong form.');
    }
    // A retry bears the next identifier (RFC 2759 §9.1.4), which not every peer knows.
    const expected = this.#state.name === 'retrying' ? [this.#identifier, this.#identifier + 1] : [this.#identifier];
    if (!expected.some((one) => (one & 0xff) === identifier)) return OUT_OF_TURN;
    this.#user = name.length === 0 ? this.#parts.identity : fromUtf8(name);
    this.#state = { name: 'judging' };
    return {
      do: 'ask',
      credentials: {
        method: 'ms-chap-v2',
        user: this.#user,
        name,
        authenticatorChallenge: this.#challenge,
        ...response,
      },
    };
  }

  #refuse({ reason, message }: Extract<EapUserAnswer, { accepted: false }>, nextIdentifier: number): ServerTurn {
    const retrying = this.#retriesLeft > 0;
    const next = this.#newChallenge();
    const text = failureMessage(reason, retrying, next, message);
    if (retrying) {
      this.#retriesLeft--;
      this.#challenge = next;
      this.#identifier = nextIdentifier;
    }
    this.#state = { name: retrying ? 'retrying' : 'refused', failure: reason };
    return { do: 'request', data: this.#packet(OpCode.Failure, utf8(text)), ...(retrying && { retrying }) };
  }

  #newChallenge(): Uint8Array {
    return this.#parts.env.random(CHALLENGE_BYTES);
  }

  #packet(opCode: number, data: Uint8Array): Uint8Array {
    return encodeMsChapV2({ opCode, identifier: this.#identifier, data });
  }
}

const OUT_OF_TURN = ignore('unexpected-authentication', 'An EAP-MSCHAPv2 message out of turn.');

const PROOF_REFUSED: Failure = {
  code: 'authentication-failed',
  reason: 'The peer does not believe that this server knows its password.',
  remedy: 'Set the user’s password anew, here and at the peer.',
};

const NO_CHANGES: Failure = {
  code: 'authentication-failed',
  reason: 'The peer wanted to change its password, which this server does not do.',
  remedy: 'Set the new password at the server.',
};

/** EAP-MSCHAPv2, the peer's half. draft-kamath-pppext-eap-mschapv2-02. */

import {
  checkAuthenticatorResponse,
  msChapV2MasterKey,
  msChapV2Msk,
  ntPasswordHash,
  type PeerChallenges,
  withoutDomain,
} from '../../crypto/index.ts';
import { fromUtf8, utf8 } from '../../wire/index.ts';
import { refusedByServer } from '../failures.ts';
import { ignore, type PeerMethod, type PeerMethodParts, type PeerTurn } from '../method.ts';
import { CHALLENGE_BYTES, makeResponse, readFailureMessage, UNPROVEN_SERVER } from './msChapV2Message.ts';
import {
  decodeMsChapV2,
  encodeMsChapV2,
  type MsChapV2Packet,
  OpCode,
  readValue,
  writeValue,
} from './msChapV2Packet.ts';

interface Responded {
  readonly challenges: PeerChallenges;
  readonly ntHash: Uint8Array;
  readonly ntResponse: Uint8Array;
}

export class MsChapV2Peer implements PeerMethod {
  readonly #parts: PeerMethodParts;
  /** What the server must prove its knowledge by; absent until a challenge came. */
  #responded: Responded | undefined;
  readonly #passwords: string[];
  #settled = false;

  constructor(parts: PeerMethodParts) {
    this.#parts = parts;
    const { password = '', otherPasswords = [] } = parts.credentials;
    this.#passwords = [password, ...otherPasswords];
  }

  receive(data: Uint8Array): PeerTurn {
    const packet = decodeMsChapV2(data);
    if (this.#settled) return OUT_OF_TURN;
    switch (packet.opCode) {
      case OpCode.Challenge:
        return this.#challenged(packet);
      case OpCode.Success:
        return this.#responded === undefined ? OUT_OF_TURN : this.#accepted(packet, this.#responded);
      case OpCode.Failure:
        return this.#responded === undefined ? OUT_OF_TURN : this.#refused(packet);
      default:
        return ignore('unexpected-authentication', `EAP-MSCHAPv2 with the unknown OpCode ${packet.opCode}.`);
    }
  }

  #challenged({ identifier = 0, data }: MsChapV2Packet): PeerTurn {
    const { value } = readValue(data, CHALLENGE_BYTES);
    if (this.#parts.isOurChallenge(value)) {
      return ignore('reflected-challenge', 'The peer sent our own challenge back.');
    }
    return this.#respond(value, identifier);
  }

  #respond(authenticatorChallenge: Uint8Array, identifier: number): PeerTurn {
    const { env, credentials } = this.#parts;
    const name = utf8(credentials.user);
    const peerChallenge = env.random(CHALLENGE_BYTES);
    const challenges = { authenticatorChallenge, peerChallenge, userName: withoutDomain(name) };
    const ntHash = ntPasswordHash(env.crypto, this.#passwords[0] ?? '');
    const { value, ntResponse } = makeResponse(env.crypto, challenges, ntHash);
    this.#responded = { challenges, ntHash, ntResponse };
    const data = encodeMsChapV2({ opCode: OpCode.Response, identifier, data: writeValue(value, name) });
    return { do: 'respond', data, decision: 'continue' };
  }

  #accepted({ data }: MsChapV2Packet, { challenges, ntHash, ntResponse }: Responded): PeerTurn {
    const { crypto } = this.#parts.env;
    this.#settled = true;
    if (!checkAuthenticatorResponse(crypto, challenges, ntHash, ntResponse, fromUtf8(data))) {
      return { do: 'fail', failure: UNPROVEN_SERVER, by: 'local', data: Uint8Array.of(OpCode.Failure) };
    }
    const msk = msChapV2Msk(crypto, msChapV2MasterKey(crypto, ntHash, ntResponse));
    return { do: 'respond', data: Uint8Array.of(OpCode.Success), decision: 'unconditional', keys: { msk } };
  }

  #refused({ identifier = 0, data }: MsChapV2Packet): PeerTurn {
    const { detail, mayRetry, challenge } = readFailureMessage(data);
    if (mayRetry && challenge !== undefined && this.#passwords.length > 1) {
      this.#passwords.shift();
      return this.#respond(challenge, identifier + 1);
    }
    this.#settled = true;
    const refusal = refusedByServer(detail);
    return { do: 'respond', data: Uint8Array.of(OpCode.Failure), decision: 'continue', refusal };
  }
}

const OUT_OF_TURN = ignore('unexpected-authentication', 'An EAP-MSCHAPv2 message out of turn.');

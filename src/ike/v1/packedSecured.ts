/** What an established IKE SA protects its messages with, as it is kept: the secrets of phase 2 alone, in one text. */

import { concat, type Packed, pack, unpack } from '../../wire/index.ts';
import type { Identity } from '../output.ts';
import type { AuthenticationMethod, IkeProposal } from '../proposal.ts';
import type { Secured } from './ikeSa.ts';
import { IKE_BLOCK_BYTES, type Phase1Keys } from './keys.ts';

export class PackedSecured implements Secured {
  readonly proposal: IkeProposal;
  readonly authentication: AuthenticationMethod;
  readonly localIdentity: Identity;
  readonly remoteIdentity: Identity;
  /** SKEYID_d, SKEYID_a, the cipher's key and the last block behind each other. */
  readonly #secrets: Packed;
  readonly #skeyidBytes: number;

  constructor({ keys, lastBlock, proposal, authentication, localIdentity, remoteIdentity }: Secured) {
    this.proposal = proposal;
    this.authentication = authentication;
    this.localIdentity = localIdentity;
    this.remoteIdentity = remoteIdentity;
    this.#secrets = pack(concat(keys.skeyidD, keys.skeyidA, keys.cipher.key, lastBlock));
    this.#skeyidBytes = keys.skeyidD.length;
  }

  /** Anew at each call. What phase 1 alone needs is empty. */
  get keys(): Phase1Keys {
    const { encryption: name, hash } = this.proposal;
    const secrets = this.#secrets;
    const key = 2 * this.#skeyidBytes;
    const blockBytes = IKE_BLOCK_BYTES[name];
    return {
      hash,
      skeyid: NONE,
      skeyidD: unpack(secrets, 0, this.#skeyidBytes),
      skeyidA: unpack(secrets, this.#skeyidBytes, key),
      skeyidE: NONE,
      cipher: { name, key: unpack(secrets, key, secrets.length - blockBytes), blockBytes },
      phase1Iv: NONE,
    };
  }

  get lastBlock(): Uint8Array {
    return unpack(this.#secrets, this.#secrets.length - IKE_BLOCK_BYTES[this.proposal.encryption]);
  }
}

const NONE: Uint8Array = new Uint8Array(0);

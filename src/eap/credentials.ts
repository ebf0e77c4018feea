/** What a peer presents to prove itself, to be judged by whoever holds the users. PPP and EAP present the same. */

import type { Failure } from '../core/index.ts';

export type Credentials =
  /** The password itself: PAP, EAP-GTC. */
  | { readonly method: 'pap'; readonly user: string; readonly password: Uint8Array }
  /** CHAP with MD5, EAP-MD5. */
  | {
      readonly method: 'chap-md5';
      readonly user: string;
      readonly identifier: number;
      readonly challenge: Uint8Array;
      readonly response: Uint8Array;
    }
  /** MS-CHAPv2 in CHAP and in EAP. */
  | {
      readonly method: 'ms-chap-v2';
      readonly user: string;
      /** The Name field as it was received: its part behind a backslash enters the hash, whatever its encoding. */
      readonly name?: Uint8Array;
      readonly authenticatorChallenge: Uint8Array;
      readonly peerChallenge: Uint8Array;
      readonly ntResponse: Uint8Array;
    }
  /** EAP-TLS: the user is proved already, by a certificate that is valid and names them. Who may enter is asked. */
  | {
      readonly method: 'certificate';
      readonly user: string;
      /** All names of the certificate. */
      readonly names: readonly string[];
      /**
       * Absent: EAP-TLS. `ike`: the peer signed with the certificate's key in IKE itself, and stated one of its names.
       * `ticket`: it logged in with a password before, and resumes that session (RFC 5723).
       */
      readonly by?: 'ike' | 'ticket';
    };

/** The judgement, as far as EAP needs it. */
export type EapUserAnswer =
  | {
      readonly accepted: true;
      /** MS-CHAPv2: the 42-character `S=…` authenticator response. */
      readonly authenticatorResponse?: string;
      /** MS-CHAPv2: the 16-byte master key of RFC 3079 §3.4, of which the MSK is made; needed by IKEv2 alone. */
      readonly masterKey?: Uint8Array;
      /** Text shown to the user by some peers. */
      readonly message?: string;
    }
  | { readonly accepted: false; readonly reason: Failure; readonly message?: string };

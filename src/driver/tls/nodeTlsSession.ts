/** One TLS session between memory and Node's OpenSSL, a step at a time. RFC 5216, RFC 9190. */

import { constants, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import tls, { type TLSSocket } from 'node:tls';
import type { Failure } from '../../core/index.ts';
import type { TlsAsk, TlsProgress, TlsVersion } from '../../eap/tlsSession.ts';
import { certificateNames } from './certificateNames.ts';
import { MemoryPipe } from './memoryPipe.ts';
import { certificateFailure, handshakeFailure, NO_CERTIFICATE, TOO_MANY_BYTES, wrongServer } from './tlsFailure.ts';
import type { TlsMaterial, TlsRole } from './tlsSettings.ts';

/** What the sessions of one role share. */
export interface SharedState {
  readonly role: TlsRole;
  readonly ticketKeys: Buffer;
  /** The last session's ticket, for a client to resume with, and the server's chain, which then does not come again. */
  ticket: Buffer | undefined;
  serverChain: readonly Uint8Array[];
  /** Chains by the fingerprint of their first certificate: a resumed session remembers that one alone. */
  readonly chains: Map<string, readonly Uint8Array[]>;
}

/** TLS records in one direction of one session. */
const MOST_HANDSHAKE_BYTES = 128 * 1024;
const MOST_CHAIN = 8;
const MOST_REMEMBERED_CHAINS = 1000;
/** OpenSSL works at once; its output takes a few turns of the event loop through Node's streams. */
const QUIET_TURNS = 5;
const MOST_TURNS = 1000;
const NOTHING = new Uint8Array(0);
/**
 * strongSwan's TLS 1.2 does not know RFC 5746. That is about what came before a renegotiation: in EAP nothing did, for the
 * keys come from the handshake alone and no data is believed.
 */
const RENEGOTIATION = constants.SSL_OP_LEGACY_SERVER_CONNECT | constants.SSL_OP_NO_RENEGOTIATION;
/** Tickets of one role are for EAP alone. */
const SESSION_CONTEXT = 'sallyport-eap';

export class NodeTlsSession {
  readonly #shared: SharedState;
  readonly #purpose: 'server' | 'client';
  readonly #pipe = new MemoryPipe();
  #socket: TLSSocket | undefined;
  #established = false;
  #events = 0;
  #received = 0;
  #failure: Failure | undefined;
  #alerted = false;
  #facts: { version: TlsVersion; keys: Uint8Array; peerNames: readonly string[] } | undefined;
  #data: Uint8Array[] = [];

  constructor(role: 'server' | 'client', shared: SharedState, material: TlsMaterial) {
    this.#shared = shared;
    this.#purpose = role === 'server' ? 'client' : 'server';
    if (role === 'server') this.#serve(material);
    else this.#connect(material);
  }

  async step({ input, write, export: wanted }: TlsAsk): Promise<TlsProgress> {
    this.#received += input?.length ?? 0;
    if (this.#received > MOST_HANDSHAKE_BYTES) this.#failure ??= TOO_MANY_BYTES;
    if (input !== undefined && input.length > 0 && this.#failure === undefined) this.#pipe.feed(input);
    if (write !== undefined) this.#socket?.write(write);
    await this.#settle();
    if (this.#established && this.#facts === undefined) this.#failure ??= this.#examine(wanted);
    const output = this.#pipe.takeWritten();
    if (this.#failure !== undefined) {
      // What was ready for a peer that is not to be trusted stays here, a proof of our own key above all.
      const failed = { state: 'failed', failure: this.#failure, ...(this.#alerted && { alerted: true }) } as const;
      return { ...failed, output: this.#established ? NOTHING : output };
    }
    if (this.#facts === undefined) return { state: 'handshaking', output };
    const data = new Uint8Array(Buffer.concat(this.#data));
    this.#data = [];
    return { state: 'established', output, data, ...this.#facts };
  }

  close(): void {
    this.#socket?.destroy();
    this.#pipe.destroy();
  }

  #serve(material: TlsMaterial): void {
    const { role, ticketKeys } = this.#shared;
    const server = tls.createServer({
      ...contextOf(role, material),
      requestCert: true,
      rejectUnauthorized: false,
      ticketKeys,
      sessionIdContext: SESSION_CONTEXT,
      ...(role.resumption === false && { secureOptions: constants.SSL_OP_NO_TICKET }),
    });
    server.on('secureConnection', (socket) => this.#secured(socket));
    server.on('tlsClientError', (error) => this.#fail(error));
    server.emit('connection', this.#pipe);
  }

  #connect(material: TlsMaterial): void {
    const { role, ticket } = this.#shared;
    const socket = tls.connect({
      ...contextOf(role, material),
      socket: this.#pipe,
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      secureOptions: RENEGOTIATION,
      ...(ticket !== undefined && role.resumption !== false && { session: ticket }),
    });
    socket.on('secureConnect', () => this.#secured(socket));
    socket.on('session', (session: Buffer) => {
      this.#events++;
      this.#shared.ticket = session;
    });
    socket.on('error', (error) => this.#fail(error));
    this.#socket = socket;
  }

  #secured(socket: TLSSocket): void {
    this.#socket = socket;
    this.#established = true;
    this.#events++;
    if (this.#purpose === 'client') socket.on('error', (error) => this.#fail(error));
    socket.on('data', (data: Buffer) => {
      this.#events++;
      if (this.#data.length < MOST_TURNS) this.#data.push(data);
    });
  }

  #fail(error: Error): void {
    this.#events++;
    this.#failure ??= handshakeFailure(error);
    this.#alerted ||= /ALERT/.test(codeOf(error));
    this.#shared.ticket = undefined;
  }

  /** Waits until nothing moves any more. */
  async #settle(): Promise<void> {
    const activity = () => this.#events + this.#pipe.writes;
    for (let quiet = 0, turns = 0, seen = activity(); quiet < QUIET_TURNS && turns < MOST_TURNS; turns++) {
      await turn();
      quiet = activity() === seen ? quiet + 1 : 0;
      seen = activity();
    }
  }

  /** The handshake is through: is the peer to be believed, and which keys follow? */
  #examine({ length, labels }: TlsAsk['export']): Failure | undefined {
    const socket = this.#socket!;
    const chain = this.#chainOf(socket);
    const [own] = chain;
    if (own === undefined) return NO_CERTIFICATE;
    const leaf = new X509Certificate(own);
    const failure = this.#judge(socket, chain, leaf);
    if (failure !== undefined) {
      this.#shared.ticket = undefined;
      return failure;
    }
    const version: TlsVersion = socket.getProtocol() === 'TLSv1.3' ? 'TLSv1.3' : 'TLSv1.2';
    const { label, context } = labels[version];
    // With TLS 1.2 an absent context and an empty one give different keys. RFC 5705 §4.
    const keys =
      context === undefined
        ? (socket.exportKeyingMaterial as (length: number, label: string) => Buffer)(length, label)
        : socket.exportKeyingMaterial(length, label, Buffer.from(context));
    this.#facts = { version, keys: new Uint8Array(keys), peerNames: certificateNames(leaf) };
    return undefined;
  }

  #judge(socket: TLSSocket, chain: readonly Uint8Array[], leaf: X509Certificate): Failure | undefined {
    const { verifyChain, serverName } = this.#shared.role;
    const name = this.#purpose === 'server' ? serverName : undefined;
    const failure =
      verifyChain === undefined
        ? socket.authorized
          ? undefined
          : certificateFailure(codeOf(socket.authorizationError), this.#purpose)
        : verifyChain(chain, this.#purpose, name);
    if (failure !== undefined || name === undefined) return failure;
    const matches = isIP(name) === 0 ? leaf.checkHost(name, { subject: 'default' }) : leaf.checkIP(name);
    return matches === undefined ? wrongServer(name, certificateNames(leaf)) : undefined;
  }

  /** DER; a resumed session knows the first one only, the others are remembered from the handshake that made it. */
  #chainOf(socket: TLSSocket): readonly Uint8Array[] {
    const chain: Uint8Array[] = [];
    let certificate: tls.DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    while (certificate?.raw !== undefined && chain.length < MOST_CHAIN) {
      chain.push(new Uint8Array(certificate.raw));
      const { issuerCertificate: issuer }: tls.DetailedPeerCertificate = certificate;
      certificate =
        issuer === certificate || issuer?.fingerprint256 === certificate.fingerprint256 ? undefined : issuer;
    }
    const resumed = socket.isSessionReused();
    if (this.#purpose === 'server') {
      if (!resumed) this.#shared.serverChain = chain;
      return this.#shared.serverChain;
    }
    const [own] = chain;
    if (own === undefined) return chain;
    const { chains } = this.#shared;
    const key = new X509Certificate(own).fingerprint256;
    if (resumed) return chains.get(key) ?? chain;
    chains.delete(key);
    chains.set(key, chain);
    if (chains.size > MOST_REMEMBERED_CHAINS) chains.delete(chains.keys().next().value!);
    return chain;
  }
}

function contextOf({ minVersion = 'TLSv1.2', maxVersion = 'TLSv1.3' }: TlsRole, { cert, key, ca }: TlsMaterial) {
  return { cert, key, ca: [...ca], minVersion, maxVersion };
}

const codeOf = (error: Error | string | null | undefined): string =>
  typeof error === 'string' ? error : ((error as NodeJS.ErrnoException | undefined)?.code ?? String(error));

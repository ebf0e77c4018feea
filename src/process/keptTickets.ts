/** A client's tickets for session resumption: kept over its tries, and over its end where a file is named. RFC 5723. */

import { existsSync } from 'node:fs';
import type { ClientSettings } from '../config/clientSchema.ts';
import { systemClock } from '../driver/clock.ts';
import { writeDurably } from '../driver/durableFile.ts';
import type { KeptTicket } from '../ike/v2/index.ts';
import { readSecretFile } from './gatewayConfig.ts';
import type { Log } from './logger.ts';

type TicketSettings = Pick<
  ClientSettings,
  'resumption' | 'persist' | 'ticket_file' | 'server' | 'user' | 'identity' | 'server_identity' | 'certificate'
>;

/** Undefined where no session is to be resumed: there is a next one with `persist`, or by a file. */
export function keptTickets(settings: TicketSettings, log: Log): Map<string, KeptTicket> | undefined {
  if (!settings.resumption) return undefined;
  const { ticket_file: file, server, user, identity, server_identity: serverIdentity, certificate } = settings;
  if (file !== undefined) {
    return new TicketFile(file, JSON.stringify([server, user, identity, serverIdentity, certificate]), log);
  }
  return settings.persist ? new Map() : undefined;
}

/** In the file: bytes in base64, times in seconds since 1970. */
interface Stored extends Omit<KeptTicket, 'ticket' | 'skD' | 'expiresAt'> {
  readonly address: string;
  readonly ticket: string;
  readonly skD: string;
  readonly expires: number;
}

/** Tickets that are written to their file with each change. */
class TicketFile extends Map<string, KeptTicket> {
  readonly #file: string;
  readonly #connection: string;
  readonly #log: Log;

  /** @param connection whom the tickets are for: another one does not use them */
  constructor(file: string, connection: string, log: Log) {
    super();
    this.#file = file;
    this.#connection = connection;
    this.#log = log;
    for (const [address, kept] of this.#read()) super.set(address, kept);
  }

  override set(address: string, kept: KeptTicket): this {
    super.set(address, kept);
    this.#write();
    return this;
  }

  override delete(address: string): boolean {
    const was = super.delete(address);
    if (was) this.#write();
    return was;
  }

  #read(): [string, KeptTicket][] {
    if (!existsSync(this.#file)) return [];
    try {
      const text = readSecretFile(this.#file, (warning) => this.#log.warn('config', warning));
      const { connection, tickets } = JSON.parse(text) as { connection: string; tickets: readonly Stored[] };
      return connection === this.#connection ? tickets.map(restored) : [];
    } catch (error) {
      this.#log.warn('ticket-file', `${this.#file} cannot be read: ${(error as Error).message}. Logging in anew.`);
      return [];
    }
  }

  #write(): void {
    const tickets = [...this].map(([address, kept]) => stored(address, kept));
    try {
      writeDurably(this.#file, JSON.stringify({ connection: this.#connection, tickets }), 0o600);
    } catch (error) {
      this.#log.warn('ticket-file', `${this.#file} cannot be written: ${(error as Error).message}.`);
    }
  }
}

function stored(address: string, { ticket, skD, expiresAt, ...kept }: KeptTicket): Stored {
  const expires = systemClock.unixTime() + Math.floor((expiresAt - systemClock.now()) / 1000);
  return { address, ...kept, ticket: base64(ticket), skD: base64(skD), expires };
}

function restored({ address, ticket, skD, expires, ...kept }: Stored): [string, KeptTicket] {
  const expiresAt = systemClock.now() + (expires - systemClock.unixTime()) * 1000;
  return [address, { ...kept, ticket: bytesOf(ticket), skD: bytesOf(skD), expiresAt }];
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

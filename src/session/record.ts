/** The session record: one id through every layer, and the timeline of what happened to a connection. */

import type { Endpoint, Failure, Instant } from '../core/index.ts';
import type { EspSuite } from '../esp/suite.ts';
import type { NatSituation } from '../ike/output.ts';

/** How far a connection has come; named for what has happened last. */
export type Phase = 'ike' | 'ipsec' | 'tunnel' | 'session' | 'authenticated' | 'up' | 'closing' | 'closed';

export interface Milestone {
  /** Seconds since the Unix epoch, with milliseconds behind the point. */
  readonly at: number;
  /** Milliseconds since the record began. */
  readonly since: number;
  readonly name: string;
  readonly detail?: string;
}

/** Milestones kept per record; later ones of an over-long life push out those in the middle. */
const MOST_MILESTONES = 64;

/** What the record says of itself, for `sessions --json`, logs and tests. */
export interface SessionView {
  readonly id: string;
  readonly role: 'gateway' | 'client';
  readonly phase: Phase;
  readonly user?: string;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly nat?: NatSituation;
  /** The peer's address inside the tunnel (gateway), or ours (client). */
  readonly innerAddress?: string;
  /** The peer's IPv6 prefix inside the tunnel (gateway), or our address (client). */
  readonly innerPrefix?: string;
  readonly ike?: string;
  readonly esp?: string;
  readonly encapsulation?: 'none' | 'udp' | 'esp';
  readonly peerHostName?: string;
  readonly vendorIds?: readonly string[];
  /** What kind of client it is, as far as its habits tell. */
  readonly client?: string;
  /** The largest outer packet that is sent to the peer, as the path is known by now. Bytes. */
  readonly pathMtu?: number;
  readonly authentication?: string;
  readonly bytesFromPeer: number;
  readonly bytesToPeer: number;
  readonly packetsFromPeer: number;
  readonly packetsToPeer: number;
  /** ISO 8601 time of the first message. */
  readonly since: string;
  readonly ended?: Failure;
  readonly timeline: readonly Milestone[];
}

export interface Traffic {
  readonly bytesFromPeer: number;
  readonly bytesToPeer: number;
  readonly packetsFromPeer: number;
  readonly packetsToPeer: number;
}

/** What a view has where it is known. */
const OPTIONAL = [
  'user',
  'nat',
  'innerAddress',
  'innerPrefix',
  'ike',
  'esp',
  'encapsulation',
  'peerHostName',
  'vendorIds',
  'client',
  'pathMtu',
  'authentication',
  'ended',
] as const satisfies readonly (keyof SessionView & keyof SessionRecord)[];

export class SessionRecord {
  readonly id: string;
  readonly role: 'gateway' | 'client';
  readonly #began: Instant;
  readonly #unixTimeAtStart: number;
  phase: Phase = 'ike';
  user?: string;
  peer: Endpoint;
  local: Endpoint;
  nat?: NatSituation;
  innerAddress?: string;
  innerPrefix?: string;
  ike?: string;
  esp?: string;
  encapsulation?: 'none' | 'udp' | 'esp';
  peerHostName?: string;
  vendorIds?: readonly string[];
  client?: string;
  pathMtu?: number;
  authentication?: string;
  ended?: Failure;
  traffic: Traffic = NO_TRAFFIC;
  /** The milestones, in two parts, of which most sessions have the second alike: numbers and texts of many would weigh. */
  /** Of a millisecond, since the record began: whole numbers take no memory of their own. */
  #hundredths: readonly number[] = [];
  #events: readonly Event[] = [];

  /** @param unixTime seconds since the Unix epoch at `now` */
  constructor(id: string, role: 'gateway' | 'client', local: Endpoint, peer: Endpoint, now: Instant, unixTime: number) {
    this.id = id;
    this.role = role;
    this.local = local;
    this.peer = peer;
    this.#began = now;
    this.#unixTimeAtStart = unixTime;
  }

  /** Puts a milestone on the timeline and returns it. */
  stamp(name: string, now: Instant, detail?: string): Milestone {
    const hundredths = Math.round((now - this.#began) * 100);
    const event = shared(name, detail);
    // New lists, which have no room beyond what stands in them.
    this.#hundredths = shortened(this.#hundredths).concat(hundredths);
    this.#events = shortened(this.#events).concat(event);
    return this.#milestone(hundredths, event);
  }

  get timeline(): readonly Milestone[] {
    return this.#events.map((event, i) => this.#milestone(this.#hundredths[i]!, event));
  }

  #milestone(hundredths: number, { name, detail }: Event): Milestone {
    return {
      at: Math.round(this.#unixTimeAtStart * 1000 + hundredths / 100) / 1000,
      since: Math.round(hundredths / 10) / 10,
      name,
      ...(detail === undefined ? {} : { detail }),
    };
  }

  /** A record for a further session of the same connection: a new id, the same past. */
  fork(id: string): SessionRecord {
    const fork = new SessionRecord(id, this.role, this.local, this.peer, this.#began, this.#unixTimeAtStart);
    const { phase, nat, ike, esp, encapsulation, peerHostName, vendorIds, client } = this;
    Object.assign(fork, { phase, nat, ike, esp, encapsulation, peerHostName, vendorIds, client });
    fork.#hundredths = this.#hundredths;
    fork.#events = this.#events;
    return fork;
  }

  setEsp(suite: EspSuite): void {
    const cipher = suite.encryption === '3des-cbc' ? suite.encryption : `${suite.encryption}-${suite.keyBits}`;
    this.esp = sharedText(suite.integrity === undefined ? cipher : `${cipher}/${suite.integrity}`);
  }

  setIke(text: string): void {
    this.ike = sharedText(text);
  }

  view(traffic: Traffic = this.traffic): SessionView {
    const { id, role, phase, peer, local } = this;
    const known: Record<string, unknown> = {};
    for (const name of OPTIONAL) {
      const value = this[name];
      if (value !== undefined) known[name] = value;
    }
    const since = isoTime(this.#unixTimeAtStart);
    const { timeline } = this;
    return { id, role, phase, peer, local, ...(known as Partial<SessionView>), ...traffic, since, timeline };
  }
}

/** ISO 8601 in UTC for seconds since the Unix epoch; written out because cores hold no Date. */
export function isoTime(unixTime: number): string {
  const milliseconds = Math.round(unixTime * 1000);
  const seconds = Math.floor(milliseconds / 1000);
  const days = Math.floor(seconds / 86400);
  // Civil date from day number, proleptic Gregorian calendar with years that begin in March.
  const shifted = days + 719468;
  const era = Math.floor(shifted / 146097);
  const dayOfEra = shifted - era * 146097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const month = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * month + 2) / 5) + 1;
  const calendarMonth = month < 10 ? month + 3 : month - 9;
  const year = yearOfEra + era * 400 + (calendarMonth <= 2 ? 1 : 0);
  const ofDay = seconds - days * 86400;
  const two = (n: number) => String(n).padStart(2, '0');
  const fraction = String(milliseconds - seconds * 1000).padStart(3, '0');
  const time = `${two(Math.floor(ofDay / 3600))}:${two(Math.floor(ofDay / 60) % 60)}:${two(ofDay % 60)}.${fraction}`;
  return `${year}-${two(calendarMonth)}-${two(day)}T${time}Z`;
}

/** The same text for all sessions, which have few between them. */
const sharedText = (text: string): string => shared(text, undefined).name;

/** What happened, without when. */
interface Event {
  readonly name: string;
  readonly detail: string | undefined;
}

/** Without one in the middle, where there is no room for one more. */
function shortened<Part>(parts: readonly Part[]): readonly Part[] {
  return parts.length < MOST_MILESTONES ? parts : parts.toSpliced(MOST_MILESTONES / 2, 1);
}

const NO_TRAFFIC: Traffic = { bytesFromPeer: 0, bytesToPeer: 0, packetsFromPeer: 0, packetsToPeer: 0 };

/** What many sessions have alike, each once: by name, and by detail. */
const events = new Map<string, Map<string | undefined, Event>>();
/** Names, and details of each, that are kept. The first that come are those that come again. */
const MOST_NAMES = 256;
const MOST_DETAILS = 64;

function shared(name: string, detail: string | undefined): Event {
  let details = events.get(name);
  if (details === undefined) {
    details = new Map();
    if (events.size < MOST_NAMES) events.set(name, details);
  }
  const known = details.get(detail);
  if (known !== undefined) return known;
  const event = { name, detail };
  if (details.size < MOST_DETAILS) details.set(detail, event);
  return event;
}

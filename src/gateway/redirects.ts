/** When clients of IKEv2 are sent to another gateway, and to which. RFC 5685. */

import type { Instant, Milliseconds } from '../core/index.ts';
import type { Newcomer } from '../ike/v2/index.ts';
import type { Connection } from '../session/connection.ts';
import type { SessionRecord } from '../session/record.ts';
import { certifiedBy } from './certifiedUser.ts';
import type { IkeSide } from './ikeSide.ts';
import type { GatewayCommand, GatewayOutput } from './output.ts';

export interface RedirectSettings {
  /** Names or addresses of the other gateways; they take turns. */
  readonly to: readonly string[];
  /**
   * `always`: who comes. `above`: who comes while there are `sessions` sessions or more. `draining`: nobody but, as in
   * the other cases too, who stands when the gateway stops or is told to send all away, and who comes from then on.
   */
  readonly when: 'always' | 'above' | 'draining';
  /** With `above`. */
  readonly sessions?: number;
  /** Gateways of single users, by the name that EAP proved or that their identity in IKE has: they go there at any time. */
  readonly users?: ReadonlyMap<string, string>;
}

/** How long a client that is sent away while its session stands may take to leave. */
const LEAVES_WITHIN: Milliseconds = 30_000;
/** The same where the gateway stops. */
const LEAVES_AT_STOP: Milliseconds = 4_000;

const NOBODY: RedirectSettings = { to: [], when: 'draining' };

type Meant = Omit<Extract<GatewayCommand, { readonly type: 'redirect' }>, 'type'>;
type Ike = Pick<IkeSide, 'follows' | 'redirect'>;

/** How many connections can be sent to another gateway, and how many cannot. */
export interface Redirectable {
  readonly following: number;
  readonly staying: number;
}

export class Redirects {
  readonly #settings: RedirectSettings;
  /** Where all are sent from now on, whatever the settings say. */
  #draining: readonly string[] | undefined;
  #turn = 0;
  #sessions: () => number = () => 0;

  constructor(settings: RedirectSettings = NOBODY) {
    this.#settings = settings;
  }

  /** Tells it how many sessions stand. */
  count(sessions: () => number): void {
    this.#sessions = sessions;
  }

  /** Sends away who is meant: without `who` all, and all who come from now on. */
  send({ who, to }: Meant, connections: Iterable<Connection>, ike: Ike, now: Instant): GatewayOutput[] {
    if (who === undefined) this.#draining = to === undefined ? this.#settings.to : [to];
    return meant(who, connections).flatMap((connection) => {
      const gateway = ike.follows(connection) ? (to ?? this.next()) : undefined;
      return gateway === undefined ? [] : ike.redirect(connection, gateway, LEAVES_WITHIN, now);
    });
  }

  /** Sends a client away because the gateway stops, with all who come. @returns undefined where it is to be ended by us */
  sendAtStop(connection: Connection, ike: Ike, now: Instant): GatewayOutput[] | undefined {
    this.#draining ??= this.#settings.to;
    const gateway = ike.follows(connection) ? this.next() : undefined;
    return gateway === undefined ? undefined : ike.redirect(connection, gateway, LEAVES_AT_STOP, now);
  }

  /** As the settings say, again. */
  stop(): void {
    this.#draining = undefined;
  }

  /** The next of the other gateways; undefined where there is none. */
  next(): string | undefined {
    const to = this.#draining ?? this.#settings.to;
    return to.length === 0 ? undefined : to[this.#turn++ % to.length];
  }

  /** Where somebody who comes now is sent; undefined: nowhere. */
  forNewcomer({ identity, user }: Pick<Newcomer, 'identity' | 'user'>): string | undefined {
    const { users, when, sessions = 0 } = this.#settings;
    if (this.#draining !== undefined || when === 'always') return this.next();
    if (when === 'above' && this.#sessions() >= sessions) return this.next();
    if (users === undefined || identity === undefined) return undefined;
    return users.get(user ?? certifiedBy(identity).user);
  }
}

/** Of a session id or user, or of everybody. */
export function redirectable(who: string | undefined, connections: Iterable<Connection>, ike: Ike): Redirectable {
  const all = meant(who, connections);
  const following = all.filter((connection) => ike.follows(connection)).length;
  return { following, staying: all.length - following };
}

function meant(who: string | undefined, connections: Iterable<Connection>): Connection[] {
  const isMeant = ({ record }: { readonly record: SessionRecord }) => record.id === who || record.user === who;
  return [...connections].filter((one) => who === undefined || isMeant(one) || [...one.sessions].some(isMeant));
}

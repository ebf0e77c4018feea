/**
 * Whether what a socket sends carries DF, as the peers want it: switched between sends, for few peers differ for long.
 * IP_MTU_DISCOVER in ip(7), IPV6_MTU_DISCOVER in ipv6(7).
 */

import { IpOption, Ipv6Option, Level, PathMtuDiscovery } from './constants.ts';
import { libc, Memory } from './ffi.ts';

export class PathMtuMode {
  /** What holds now. */
  dontFragment = false;
  readonly #fd: number;
  readonly #family: 4 | 6;
  readonly #value = new Memory(4);
  #hearsErrors = false;

  constructor(fd: number, family: 4 | 6) {
    this.#fd = fd;
    this.#family = family;
  }

  /**
   * `probe` sets DF and goes by the device's MTU alone: what ICMP claims, which anyone may send, is judged above and not
   * in the kernel. Without DF, IPv4 goes on hearing ICMP with `omit`; IPv6, which no router fragments, relies on what
   * the kernel has learned.
   */
  set(dontFragment: boolean): void {
    const isV4 = this.#family === 4;
    if (!this.#hearsErrors) {
      this.#hearsErrors = true;
      if (isV4) this.#set(Level.ip, IpOption.receiveErrors, 1);
      else this.#set(Level.ipv6, Ipv6Option.receiveErrors, 1);
    }
    this.dontFragment = dontFragment;
    const { dont, probe, omit } = PathMtuDiscovery;
    if (isV4) this.#set(Level.ip, IpOption.mtuDiscover, dontFragment ? probe : omit);
    else this.#set(Level.ipv6, Ipv6Option.mtuDiscover, dontFragment ? probe : dont);
  }

  #set(level: number, option: number, value: number): void {
    this.#value.view.setInt32(0, value, true);
    libc().setsockopt(this.#fd, level, option, this.#value.base, 4);
  }
}

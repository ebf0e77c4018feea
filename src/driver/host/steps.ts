/** How each kind of change is made and undone. Synchronous, so that an exit handler can undo. */

import { Nftables } from '../netlink/nftables.ts';
import { Rtnetlink } from '../netlink/rtnetlink.ts';
import { PolicyRules } from '../netlink/rules.ts';
import { isSystemError } from '../systemError.ts';
import type { Before, HostChange } from './change.ts';
import { resolverBefore, restoreResolver, writeResolver } from './resolver.ts';
import { readSysctl, writeSysctl } from './sysctl.ts';
import { revertLinkResolver, setLinkResolver } from './systemdResolved.ts';

type ChangeOf<Kind extends HostChange['kind']> = Extract<HostChange, { readonly kind: Kind }>;

interface Step<Change> {
  /** How it is now; undefined where it is as wanted already, so that nothing is to be done and nothing to be undone. */
  before(change: Change): Before | undefined;
  /** @throws SystemError or the error of node:fs */
  make(change: Change, before: Before): void;
  /** Undoes it where it is still as we made it; what is gone is gone. @throws Error where it cannot be undone */
  undo(change: Change, before: Before): void;
  /** Codes of errors of `make` that say that somebody else has done it before. */
  readonly madeBefore: readonly string[];
  /** Whether it outlives a boot and is the same in every network namespace: a file. */
  readonly lasting: boolean;
}

const steps: { readonly [Kind in HostChange['kind']]: Step<ChangeOf<Kind>> } = {
  address: {
    madeBefore: ['EEXIST'],
    lasting: false,
    before: () => ({}),
    make: (change) => withRtnetlink((rtnetlink) => rtnetlink.addAddress(change)),
    undo: (change) =>
      withRtnetlink((rtnetlink) => goneIsGone(['EADDRNOTAVAIL', 'ENODEV'], () => rtnetlink.deleteAddress(change))),
  },
  route: {
    madeBefore: ['EEXIST'],
    lasting: false,
    before: () => ({}),
    make: (change) => withRtnetlink((rtnetlink) => rtnetlink.addRoute(change)),
    undo: (change) =>
      withRtnetlink((rtnetlink) => goneIsGone(['ESRCH', 'ENODEV'], () => rtnetlink.deleteRoute(change))),
  },
  rule: {
    madeBefore: ['EEXIST'],
    lasting: false,
    before: () => ({}),
    make: (change) => withRules((rules) => rules.add(change)),
    undo: (change) => withRules((rules) => goneIsGone(['ENOENT'], () => rules.delete(change))),
  },
  nat: {
    madeBefore: [],
    lasting: false,
    before: () => ({}),
    make: (change) => withNftables((nftables) => nftables.addMasquerade(change)),
    undo: ({ table }) => withNftables((nftables) => goneIsGone(['ENOENT'], () => nftables.deleteTable(table))),
  },
  sysctl: {
    madeBefore: [],
    lasting: false,
    before: ({ name, value }) => {
      const now = readSysctl(name);
      return now === value ? undefined : { value: now };
    },
    make: ({ name, value }) => writeSysctl(name, value),
    undo: ({ name, value }, { value: former }) =>
      goneIsGone(['ENOENT'], () => {
        if (former !== undefined && readSysctl(name) === value) writeSysctl(name, former);
      }),
  },
  resolver: { madeBefore: [], lasting: true, before: resolverBefore, make: writeResolver, undo: restoreResolver },
  linkResolver: {
    madeBefore: [],
    lasting: false,
    before: () => ({}),
    make: setLinkResolver,
    // What systemd-resolved knew of a device goes with the device.
    undo: ({ device }) => {
      if (withRtnetlink((rtnetlink) => rtnetlink.link(device)) !== undefined) revertLinkResolver(device);
    },
  },
};

/** The step of a change's kind. */
export function stepOf(change: HostChange): Step<HostChange> {
  return steps[change.kind] as Step<HostChange>;
}

function goneIsGone(codes: readonly string[], work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!isSystemError(error, ...codes)) throw error;
  }
}

function withRtnetlink(work: (rtnetlink: Rtnetlink) => void): void {
  const rtnetlink = new Rtnetlink();
  try {
    work(rtnetlink);
  } finally {
    rtnetlink.close();
  }
}

function withNftables(work: (nftables: Nftables) => void): void {
  const nftables = new Nftables();
  try {
    work(nftables);
  } finally {
    nftables.close();
  }
}

function withRules(work: (rules: PolicyRules) => void): void {
  const rules = new PolicyRules();
  try {
    work(rules);
  } finally {
    rules.close();
  }
}

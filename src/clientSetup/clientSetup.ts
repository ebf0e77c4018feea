/** What a user's machine needs to connect to this gateway: ready-made files of its operating system, and what to do with them. */

import { androidSetup } from './android.ts';
import { appleSetup } from './apple.ts';
import { chromeOsSetup } from './chromeOs.ts';
import type { ClientSetup, SetupFacts, SetupProtocol } from './facts.ts';
import { checkText } from './facts.ts';
import { mikrotikSetup } from './mikrotik.ts';
import { networkManagerSetup } from './networkManager.ts';
import { swanctlSetup } from './swanctl.ts';
import { windowsSetup } from './windows.ts';
import { xl2tpdSetup } from './xl2tpd.ts';

interface Kind {
  readonly protocols: readonly SetupProtocol[];
  readonly make: (facts: SetupFacts) => ClientSetup;
}

/** What each operating system can be given. */
export const CLIENT_KINDS = {
  windows: { protocols: ['l2tp', 'ikev2'], make: windowsSetup },
  macos: { protocols: ['l2tp', 'ikev2'], make: appleSetup },
  ios: { protocols: ['l2tp', 'ikev2'], make: appleSetup },
  android: { protocols: ['l2tp', 'ikev2'], make: androidSetup },
  'linux-nm': { protocols: ['l2tp', 'ikev2'], make: networkManagerSetup },
  'linux-swanctl': { protocols: ['ikev2'], make: swanctlSetup },
  'linux-xl2tpd': { protocols: ['l2tp'], make: xl2tpdSetup },
  mikrotik: { protocols: ['l2tp', 'ikev2'], make: mikrotikSetup },
  chromeos: { protocols: ['l2tp', 'ikev2'], make: chromeOsSetup },
} as const satisfies Record<string, Kind>;

export type ClientKind = keyof typeof CLIENT_KINDS;

/**
 * The files and steps for one user on one kind of machine.
 * @throws RangeError where the kind of machine does not know the protocol, where a fact that it needs is missing, or
 * where one holds characters that its file format cannot carry
 */
export function clientSetup(kind: ClientKind, facts: SetupFacts): ClientSetup {
  const { protocols, make }: Kind = CLIENT_KINDS[kind];
  if (!protocols.includes(facts.protocol)) {
    throw new RangeError(`${kind} is set up for ${protocols.join(' or ')} only, not for ${facts.protocol}`);
  }
  checkText(facts);
  return make(facts);
}

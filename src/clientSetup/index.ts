/** Ready-made configurations for the clients of a gateway. */

export { CLIENT_KINDS, type ClientKind, clientSetup } from './clientSetup.ts';
export type { ClientSetup, SetupFacts, SetupFile, SetupProtocol } from './facts.ts';

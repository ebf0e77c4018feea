/** Why EAP ends, where no method has the words for it. */

import type { Failure } from '../core/index.ts';

export const SILENT_PEER: Failure = {
  code: 'authentication-timeout',
  reason: 'The peer did not answer our EAP requests in time.',
};

export const SILENT_SERVER: Failure = {
  code: 'authentication-timeout',
  reason: 'The server sent no further EAP request in time.',
};

export const TOO_LONG: Failure = {
  code: 'eap-too-long',
  reason: 'The EAP conversation took more messages or bytes than any method needs.',
};

export const NO_KEYS: Failure = {
  code: 'eap-no-key',
  reason: 'The EAP method ended without the key that it makes.',
};

export const refusedByServer = (detail: string): Failure => ({
  code: 'authentication-failed',
  reason: `The server refused our user name or password${detail === '' ? '' : ` (${detail})`}.`,
  remedy: 'Check the user name and the password.',
});

export const noCommonMethod = (offered: readonly string[], wanted: readonly string[]): Failure => ({
  code: 'no-common-authentication',
  reason: `The peer takes none of the EAP methods offered (${offered.join(', ')}); it named ${wanted.join(', ') || 'none'}.`,
  remedy: 'Allow one of these methods in the settings of the peer, or another method here.',
});

export const unwantedMethods = (demanded: readonly string[], allowed: readonly string[]): Failure => ({
  code: 'no-common-authentication',
  reason: `The server demands the EAP method ${demanded.join(' or ')}, but here ${allowed.join(', ')} is allowed.`,
  remedy: 'Allow it here, or one of these methods at the server.',
});

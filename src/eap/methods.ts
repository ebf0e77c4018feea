/** The table of EAP methods. */

import type { EapMethod, EapMethodName } from './method.ts';
import { gtc } from './methods/gtc.ts';
import { md5 } from './methods/md5.ts';
import { msChapV2 } from './methods/msChapV2.ts';
import { tls } from './methods/tls.ts';
import { type EapType, isType } from './type.ts';

export const eapMethods: Readonly<Record<EapMethodName, EapMethod>> = {
  'eap-tls': tls,
  'eap-mschapv2': msChapV2,
  'eap-gtc': gtc,
  'eap-md5': md5,
};

export const eapMethodNames = Object.keys(eapMethods) as readonly EapMethodName[];

/** The method of that type among `names`. */
export function methodOfType(type: EapType, names: readonly EapMethodName[]): EapMethodName | undefined {
  return names.find((name) => isType(type, eapMethods[name].type));
}

export const isEapMethod = (name: string): name is EapMethodName => name in eapMethods;

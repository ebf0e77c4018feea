/** Which key exchange methods encapsulate instead of agreeing. FIPS 203. */

import type { GroupName, KemName } from './crypto.ts';

const KEMS: readonly GroupName[] = ['mlkem512', 'mlkem768', 'mlkem1024'] satisfies readonly KemName[];

export const isKem = (group: GroupName): group is KemName => KEMS.includes(group);

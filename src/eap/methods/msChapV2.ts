/** EAP-MSCHAPv2: MS-CHAP version 2 inside EAP. Both ends prove the password. draft-kamath-pppext-eap-mschapv2-02. */

import type { EapMethod } from '../method.ts';
import { EapTypeNumber } from '../type.ts';
import { MsChapV2Peer } from './msChapV2Peer.ts';
import { MsChapV2Server } from './msChapV2Server.ts';

export const msChapV2: EapMethod = {
  type: EapTypeNumber.MSCHAPv2,
  makesKeys: true,
  server: (parts) => new MsChapV2Server(parts),
  peer: (parts) => new MsChapV2Peer(parts),
};

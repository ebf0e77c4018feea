/** Seeds whose lives once failed, and why: they are lived again with every run of the tests. */

import type { Versions } from './life/plan.ts';

export interface Regression {
  readonly seed: number;
  readonly was: string;
  /** Of IKE; as the seed says unless told. */
  readonly versions?: Versions;
}

export const regressions: readonly Regression[] = [
  { seed: 97, was: 'over a way slower than the first Restart timer PPP was negotiated anew for ever' },
  {
    seed: 128,
    was: 'a client of L2TP over IKEv2 that had moved could not renew its ESP SA: its selectors had the old address',
  },
  { seed: 140, was: 'hybrid renewals of the IKE SA crossed, and each end went on with another one' },
  {
    seed: 142,
    was: 'renewals of the IKE SA crossed, and the keys of one were there after the other was through: both took their own',
  },
  { seed: 148, was: 'the same of a child SA: two stood, and each end sent on another' },
  { seed: 150, was: 'two renewals that were put off minutes apart counted as a peer that is never ready' },
  { seed: 618, versions: 'v2', was: 'the same where the first of them was needed no more' },
  {
    seed: 25,
    versions: 'v2',
    was: 'of two generations of the IKE SA that were both there, each end took back one, and a Delete overtook the answer',
  },
  {
    seed: 319,
    versions: 'v2',
    was: 'a request was cut anew into as many fragments, which the peer put together with old ones',
  },
  {
    seed: 396,
    versions: 'v2',
    was: 'a client without MOBIKE and UDP took its connection behind a NAT, where neither IKE nor ESP of the gateway came',
  },
  {
    seed: 818,
    versions: 'v2',
    was: 'a client with MOBIKE came behind another NAT unawares, and its renewals kept it from looking; told in IKEv1 that it was forgotten, it did not hear',
  },
  { seed: 202, was: 'our renewal of the IKE SA was refused and the peer’s forgotten, which had come about meanwhile' },
];

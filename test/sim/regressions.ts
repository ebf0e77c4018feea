/** Seeds whose lives once failed, and why: they are lived again with every run of the tests. */

export const regressions: readonly { readonly seed: number; readonly was: string }[] = [
  { seed: 1, was: 'dead peer detection fired at one instant for ever, where the clock has fractions of milliseconds' },
  { seed: 30, was: 'IKE was renewed with a gateway that had restarted, and nobody noticed that ESP was dead' },
  { seed: 97, was: 'over a way slower than the first Restart timer PPP was negotiated anew for ever' },
];

/** Seeds whose lives once failed, and why: they are lived again with every run of the tests. */

export const regressions: readonly { readonly seed: number; readonly was: string }[] = [
  { seed: 97, was: 'over a way slower than the first Restart timer PPP was negotiated anew for ever' },
];

/** Milestones of an IKE SA, for the session record's timeline. */

import type { IkeMilestone, IkeOutput } from './output.ts';

export function milestone(
  { emit }: { emit(output: IkeOutput): void },
  { id, local, remote }: { readonly id: IkeMilestone['ikeSa'] } & Pick<IkeMilestone, 'local' | 'remote'>,
  name: string,
  detail?: string,
): void {
  emit({ type: 'milestone', ikeSa: id, local, remote, name, ...(detail !== undefined && { detail }) });
}

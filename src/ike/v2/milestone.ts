/** Milestones of an IKE SA, for the session record's timeline. */

import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';

export function milestone(context: Context, sa: IkeSa, name: string, detail?: string): void {
  context.emit({
    type: 'milestone',
    ikeSa: sa.id,
    local: sa.local,
    remote: sa.remote,
    name,
    ...(detail !== undefined && { detail }),
  });
}

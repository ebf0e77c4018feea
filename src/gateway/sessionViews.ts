/** What stands, for people to see. */

import type { Connection } from '../session/connection.ts';
import type { SessionRecord, SessionView } from '../session/record.ts';

/**
 * A view for each PPP session, and for each connection that has none yet.
 * @param attempts records of those that have no connection yet
 */
export function sessionViews(connections: Iterable<Connection>, attempts: Iterable<SessionRecord>): SessionView[] {
  const views: SessionView[] = [];
  const seen = new Set<SessionRecord>();
  for (const connection of connections) {
    for (const session of connection.sessions) {
      seen.add(session.record);
      views.push(session.record.view(connection.traffic(session)));
    }
    if (!seen.has(connection.record) && connection.record.phase !== 'closed') views.push(connection.record.view());
    seen.add(connection.record);
  }
  for (const record of attempts) if (!seen.has(record)) views.push(record.view());
  return views;
}

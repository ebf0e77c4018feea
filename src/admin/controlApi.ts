/** The local control interface of a running gateway: JSON over HTTP on a Unix socket in the state directory (0600). */

import { chmodSync, rmSync } from 'node:fs';
import fastify from 'fastify';
import type { SessionView } from '../session/record.ts';

export interface GatewayStatus {
  readonly version: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
  readonly addresses: readonly string[];
  readonly sessions: number;
  readonly users: number;
  /** Other gateways that all clients are sent to, since a command said so. */
  readonly redirecting?: readonly string[];
  /** Input that was refused, by code. */
  readonly refused: Readonly<Record<string, number>>;
}

export interface Controlled {
  status(): GatewayStatus;
  sessions(): readonly SessionView[];
  endedSessions(): readonly SessionView[];
  /** @returns how many sessions it meant */
  disconnect(who: string): number;
  /** Sends the clients of a session id or user to another gateway, or all and all who come. */
  redirect(wish: RedirectWish): RedirectAnswer;
}

export interface RedirectWish {
  /** A session id or user; everybody unless told. */
  readonly who?: string;
  /** Another gateway; those of the configuration unless told. */
  readonly to?: string;
  /** Takes clients again, as the configuration says. */
  readonly stop?: boolean;
}

export interface RedirectAnswer {
  /** There is a gateway to go to. */
  readonly known: boolean;
  /** Connections whose clients were sent. */
  readonly sent: number;
  /** Connections whose clients do not follow. */
  readonly staying: number;
}

export interface ControlServer {
  close(): Promise<void>;
}

export async function startControlServer(socket: string, gateway: Controlled): Promise<ControlServer> {
  rmSync(socket, { force: true });
  const server = fastify();
  server.get('/status', () => gateway.status());
  server.get('/sessions', () => gateway.sessions());
  server.get('/sessions/ended', () => gateway.endedSessions());
  server.delete<{ Params: { who: string } }>('/sessions/:who', (call) => ({
    disconnected: gateway.disconnect(call.params.who),
  }));
  server.post<{ Body: RedirectWish }>('/redirect', (call) => gateway.redirect(call.body));
  const mask = process.umask(0o177);
  try {
    await server.listen({ path: socket });
  } finally {
    process.umask(mask);
  }
  chmodSync(socket, 0o600);
  return { close: () => server.close() };
}

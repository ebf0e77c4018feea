/** The local control interface of a running gateway: JSON over HTTP on a Unix socket in the state directory (0600). */

import { chmodSync, existsSync, rmSync } from 'node:fs';
import { request } from 'node:http';
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
  /** Input that was refused, by code. */
  readonly refused: Readonly<Record<string, number>>;
}

export interface Controlled {
  status(): GatewayStatus;
  sessions(): readonly SessionView[];
  endedSessions(): readonly SessionView[];
  /** @returns how many sessions it meant */
  disconnect(who: string): number;
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
  const mask = process.umask(0o177);
  try {
    await server.listen({ path: socket });
  } finally {
    process.umask(mask);
  }
  chmodSync(socket, 0o600);
  return { close: () => server.close() };
}

/** Says that no gateway answers at a control socket. */
export class NotRunning extends Error {
  constructor(socket: string) {
    super(
      existsSync(socket)
        ? `The gateway of ${socket} does not answer. It may have been killed; start it again.`
        : `No gateway runs with this state directory (there is no ${socket}). Start one with \`sallyport serve\`, or name its directory with --state.`,
    );
    this.name = 'NotRunning';
  }
}

/** @throws NotRunning, or an Error with what the gateway answered */
export function callControl<Answer>(socket: string, method: 'GET' | 'DELETE', path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socket, method, path }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve(JSON.parse(text) as Answer);
        else reject(new Error(`The gateway answered ${answer.statusCode}: ${text}`));
      });
    });
    call.on('error', (error: NodeJS.ErrnoException) => {
      const gone = ['ENOENT', 'ECONNREFUSED'].includes(error.code ?? '');
      const denied = `The control socket ${socket} belongs to another user. Run this as the user that runs the gateway.`;
      reject(gone ? new NotRunning(socket) : error.code === 'EACCES' ? new Error(denied) : error);
    });
    call.end();
  });
}

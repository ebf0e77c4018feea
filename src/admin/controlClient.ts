/** How a command reaches the control interface of a running gateway. Loads no server, so that commands start fast. */

import { existsSync } from 'node:fs';
import { request } from 'node:http';

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
export function callControl<Answer>(
  socket: string,
  method: 'GET' | 'DELETE' | 'POST',
  path: string,
  body?: object,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const call = request({ socketPath: socket, method, path, headers }, (answer) => {
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
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

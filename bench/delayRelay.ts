/**
 * A wire that is long: passes UDP datagrams on to a gateway's ports 500 and 4500 and back, each after a time. For
 * kernels without netem.
 *
 *   node --import tsx bench/delayRelay.ts LISTEN-ADDRESS OWN-ADDRESS GATEWAY MILLISECONDS
 */

import { createSocket, type Socket } from 'node:dgram';

const [listen = '', own = '', gateway = '', milliseconds = '0'] = process.argv.slice(2);
const PORTS = [500, 4500];
/** Timers are late by up to a millisecond, so the last of the time is watched. */
const WATCHED_MS = 2;

const waiting: { readonly at: number; readonly send: () => void }[] = [];
let running = false;

function later(send: () => void): void {
  waiting.push({ at: performance.now() + Number(milliseconds), send });
  if (!running) run();
}

/** All wait equally long, so the first in is the first out. */
function run(): void {
  running = waiting.length > 0;
  for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
    const left = next.at - performance.now();
    if (left > WATCHED_MS) setTimeout(run, left - WATCHED_MS);
    else if (left > 0) setImmediate(run);
    if (left > 0) return;
    waiting.shift();
    next.send();
  }
  running = false;
}

for (const port of PORTS) {
  const outer = createSocket('udp4');
  const inners = new Map<string, Socket>();
  outer.on('message', (bytes, { address, port: from }) => {
    const key = `${address} ${from}`;
    const inner = inners.get(key) ?? newInner((answer) => outer.send(answer, from, address));
    inners.set(key, inner);
    later(() => inner.send(bytes, port, gateway));
  });
  outer.bind({ address: listen, port }, () => console.log(`listening on port ${port}`));
}

/** The relay's own end towards the gateway, one for each port of a client, as a NAT has it. */
function newInner(back: (answer: Buffer) => void): Socket {
  const inner = createSocket('udp4');
  inner.bind({ address: own, port: 0 });
  inner.on('message', (answer) => later(() => back(answer)));
  return inner;
}

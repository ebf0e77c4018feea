/** Traffic through a tunnel: ping, and a download and an upload whose content is verified. */

import { PAYLOAD_BYTES } from './lab.ts';
import { type Machine, sh } from './process.ts';

/**
 * Three echo requests, all answered, once the far end has set its interface up: that takes it 0.1 s after IPCP. Each is a
 * call of its own: behind a first answer `ping -W` waits for the others no longer than two round trips.
 */
export async function ping(machine: Machine, address: string): Promise<void> {
  await sh(machine, `for try in {1..20}; do ping -n -q -c 1 -W 1 ${address} > /dev/null && break; done`);
  await sh(machine, `for echo in {1..3}; do ping -n -c 1 -W 3 ${address} || exit; done`);
}

/** Starts the HTTP server on a machine; it stays until the machine goes. */
export async function serveHttp(machine: Machine): Promise<void> {
  await sh(
    machine,
    `ss -Hltn 'sport = 8080' | grep -q . && exit 0
    setsid perl ${machine.lab}/httpServer.pl ${machine.lab}/payload > /dev/null 2>&1 < /dev/null &
    for try in {1..100}; do (exec 4<> /dev/tcp/127.0.0.1/8080) 2> /dev/null && exit 0; sleep 0.05; done; exit 1`,
  );
}

/** Fetches the payload (20 MB) from the server at `address`, then sends it there, and compares the digests. */
export async function transfer(machine: Machine, address: string): Promise<void> {
  await sh(
    machine,
    `set -o pipefail
    expected=$(sha256sum < ${machine.lab}/payload); expected=\${expected%% *}
    down=$(curl -sS --max-time 40 http://${address}:8080/ | sha256sum) || exit
    [ "\${down%% *}" = "$expected" ] || { echo "download: $down instead of $expected"; exit 1; }
    up=$(curl -sS --max-time 40 -H Expect: -T ${machine.lab}/payload http://${address}:8080/) || exit
    [ "$up" = "$expected" ] || { echo "upload: $up instead of $expected"; exit 1; }`,
    90,
  );
}

/** Bytes a second that a download makes at least on a busy machine. */
const LEAST_RATE = 2_000_000;

/** What `download` has found. */
export interface Downloaded {
  readonly bytes: number;
  /** The longest time without a byte, milliseconds. */
  readonly longestGap: number;
}

/**
 * One TCP connection that fetches the payload (20 MB) `times` times at a pace of `rate` bytes a second (0: as fast as it
 * goes), and compares the digest.
 */
export async function download(machine: Machine, address: string, times: number, rate: number): Promise<Downloaded> {
  const seconds = (times * PAYLOAD_BYTES) / (rate || LEAST_RATE);
  const output = await sh(
    machine,
    `set -o pipefail
    expected=$(for time in {1..${times}}; do cat ${machine.lab}/payload; done | sha256sum)
    got=$(curl -sS -N --max-time ${Math.ceil(seconds * 1.5 + 30)} http://${address}:8080/${times}/${rate} |
      perl ${machine.lab}/meter.pl ${machine.lab}/progress) || exit
    [ "\${got%% *}" = "\${expected%% *}" ] || { echo "download: $got instead of $expected"; exit 1; }
    echo "$got"`,
    seconds * 1.5 + 60,
  );
  const [, bytes, gap] = output.split(' ').map(Number);
  return { bytes: bytes!, longestGap: gap! };
}

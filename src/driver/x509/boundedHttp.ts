/** HTTP to hosts that an administrator listed, and to nobody else: bounded in bytes and time, and not into private networks. */

import { lookup } from 'node:dns';
import { type IncomingMessage, request } from 'node:http';
import { BlockList, isIP, type LookupFunction } from 'node:net';

export interface BoundedRequest {
  readonly url: string;
  /** Sent by POST; absent: GET. */
  readonly body?: { readonly bytes: Uint8Array; readonly type: string };
  readonly mostBytes: number;
}

const TIMEOUT = 5_000;

/** Hosts that may be asked. A private address must be listed as an address itself. */
export class BoundedHttp {
  readonly #hosts: ReadonlySet<string>;
  readonly #open = new Set<{ destroy(): void }>();

  /** @param hosts names or addresses, with `:port` where it is not 80 */
  constructor(hosts: readonly string[]) {
    this.#hosts = new Set(hosts.map((host) => host.toLowerCase()));
  }

  get isOff(): boolean {
    return this.#hosts.size === 0;
  }

  mayAsk(text: string): boolean {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol !== 'http:' || url.username !== '' || url.password !== '') return false;
    return this.#hosts.has(url.host.replace(/^\[(.*)\]$/, '$1'));
  }

  /** The body of a 200. Redirects are not followed. Rejects for everything else. */
  fetch({ url, body, mostBytes }: BoundedRequest): Promise<Uint8Array> {
    if (!this.mayAsk(url)) return Promise.reject(new Error(`${url} is not one of the hosts that may be asked`));
    return new Promise((resolve, reject) => {
      const asked = request(
        url,
        {
          method: body === undefined ? 'GET' : 'POST',
          lookup: publicLookup,
          headers: body === undefined ? {} : { 'content-type': body.type, 'content-length': body.bytes.length },
          agent: false,
          signal: AbortSignal.timeout(TIMEOUT),
        },
        (response) => {
          collect(response, mostBytes).then(resolve, reject);
        },
      );
      this.#open.add(asked);
      asked.on('close', () => this.#open.delete(asked));
      asked.on('error', reject);
      asked.end(body?.bytes);
    });
  }

  close(): void {
    for (const asked of this.#open) asked.destroy();
  }
}

const PRIVATE = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const) {
  PRIVATE.addSubnet(net, bits, 'ipv4');
}
for (const [net, bits] of [
  ['::', 127],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  PRIVATE.addSubnet(net, bits, 'ipv6');
}

/** Is not called for addresses, which were listed as such. */
const publicLookup: LookupFunction = (name, options, done) => {
  lookup(name, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return done(error, []);
    const open = addresses.filter(({ address, family }) => !PRIVATE.check(address, family === 6 ? 'ipv6' : 'ipv4'));
    const [first] = open;
    if (first === undefined || isIP(first.address) === 0) {
      return done(new Error(`${name} has only private addresses: list the address itself`), []);
    }
    if (options.all === true) done(null, open);
    else done(null, first.address, first.family);
  });
};

async function collect(response: IncomingMessage, most: number): Promise<Uint8Array> {
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`the answer is ${response.statusCode}`);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > most) {
      response.destroy();
      throw new Error(`the answer has more than ${most} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

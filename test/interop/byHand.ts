/** The lab for a person: a stock client in a guest, a namespace for a gateway, and a prompt. */

import { createInterface } from 'node:readline/promises';
import type { Lab } from './lab.ts';
import { ADDRESSES } from './lab.ts';
import type { StockClient } from './stock/client.ts';
import type { Method } from './stock/options.ts';

const HELP = `connect PSK USER PASSWORD [pap|chap|mschapv2]   connect to ${ADDRESSES.ourGateway}
disconnect [l2tp|ppp]                           StopCCN first, or LCP Terminate first
nat on|off                                      masquerade clients, or not
logs                                            strongSwan, xl2tpd and pppd
anything else                                   runs as a shell script in the guest`;

/** Reads commands until the end of input. Returns the exit code. */
export async function byHand(lab: Lab): Promise<number> {
  await lab.topology.masquerade(true);
  const client = await lab.stockClient(1);
  const gateway = await lab.ourGateway();
  console.log(`Start a gateway on ${ADDRESSES.ourGateway} in another terminal:
  ip netns exec ${gateway.namespace.name} npm start
Commands here:
${HELP}`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: `${client.name}# ` });
  terminal.on('SIGINT', () => terminal.close());
  terminal.prompt();
  for await (const line of terminal) {
    try {
      if (line.trim() !== '') console.log(await obey(lab, client, line));
    } catch (error) {
      console.log((error as Error).message);
    }
    terminal.prompt();
  }
  return 0;
}

async function obey(lab: Lab, client: StockClient, line: string): Promise<string> {
  const [verb, ...words] = line.trim().split(/\s+/);
  switch (verb) {
    case 'connect': {
      const [psk = '', name = '', password = '', method = 'mschapv2'] = words;
      await client.reset();
      await client.configure({
        server: ADDRESSES.ourGateway,
        psk,
        user: { name, password },
        method: method as Method,
      });
      const { local, remote } = await client.connect();
      return `connected: ${local} here, ${remote} there`;
    }
    case 'disconnect':
      await client.disconnect(words[0] === 'ppp' ? 'ppp' : 'l2tp');
      return 'disconnected';
    case 'nat':
      await lab.topology.masquerade(words[0] !== 'off');
      return 'done';
    case 'logs':
      return client.logs();
    case 'help':
      return HELP;
    default:
      return (await client.run(line, 600)).output.trimEnd();
  }
}

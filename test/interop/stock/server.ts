/** A stock Linux L2TP/IPsec server for many clients: strongSwan, xl2tpd and pppd in a guest. */

import { loadIpsec, terminateIpsec } from './ipsec.ts';
import { eapTlsOptions, loadL2tp, requireMethod, stopL2tp, terminatePpp, waitForNoPpp } from './l2tp.ts';
import { type Certificates, IPSEC, type Ipsec, type Method, USERS } from './options.ts';
import { StockPeer } from './peer.ts';

export interface ServerOptions extends Partial<Ipsec> {
  readonly method: Method;
  /** Of EAP-TLS. */
  readonly pppCertificates?: Certificates;
}

export const SERVER_INNER_NETWORK = '10.73.0.0/24';
export const SERVER_INNER_ADDRESS = '10.73.0.1';

export class StockServer extends StockPeer {
  async configure(options: ServerOptions): Promise<void> {
    await loadIpsec(this.guest, { ...IPSEC, ...options, role: 'server', server: this.address });
    await loadL2tp(this.guest, {
      section: `[lns default]
ip range = 10.73.0.10-10.73.0.200
local ip = ${SERVER_INNER_ADDRESS}
require authentication = yes
name = stock`,
      users: options.method === 'eap-tls' ? [] : USERS,
      certificates: options.method === 'eap-tls' ? options.pppCertificates : undefined,
      ppp: [
        ...requireMethod(options.method),
        ...(options.method === 'eap-tls' ? eapTlsOptions : []),
        'name stock',
        'ms-dns 10.73.0.1',
        'noccp',
        'mtu 1400',
        'mru 1400',
        // Nobody answers LCP Terminate once StopCCN was sent: one try, 3 s, instead of two.
        'lcp-max-terminate 1',
        'logfile /run/lab/pppd.log',
      ],
    });
  }

  /** Ends all sessions, PPP first (LCP Terminate, CDN) or L2TP first (StopCCN; xl2tpd then stays down). */
  async disconnect(order: 'l2tp' | 'ppp'): Promise<void> {
    if (order === 'l2tp') await stopL2tp(this.guest);
    else await terminatePpp(this.guest);
    await waitForNoPpp(this.guest, 10);
    await terminateIpsec(this.guest);
  }
}

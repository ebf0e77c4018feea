/** A stock Linux L2TP/IPsec client: strongSwan, xl2tpd and pppd in a guest. */

import { sh } from '../process.ts';
import { initiateIpsec, loadIpsec, terminateIpsec } from './ipsec.ts';
import { eapTlsOptions, loadL2tp, refuseOthers, terminatePpp, waitForNoPpp } from './l2tp.ts';
import { type Certificates, IPSEC, type Ipsec, type Method, USER, type User } from './options.ts';
import { StockPeer } from './peer.ts';

export interface ClientOptions extends Partial<Ipsec> {
  readonly server: string;
  readonly method: Method;
  readonly user?: User;
  /** Of EAP-TLS. */
  readonly pppCertificates?: Certificates;
  /** xl2tpd dials again by itself after a loss, which pppd notices by unanswered echoes after so many seconds. */
  readonly redialAfter?: number;
}

/** The addresses inside the tunnel. */
export interface Link {
  readonly local: string;
  readonly remote: string;
}

export class StockClient extends StockPeer {
  async configure(options: ClientOptions): Promise<void> {
    const { server, method, user = USER, redialAfter } = options;
    const redial = redialAfter === undefined ? 'redial = no' : 'redial = yes\nredial timeout = 1\nmax redials = 60';
    await loadIpsec(this.guest, { ...IPSEC, ...options, role: 'client' });
    await loadL2tp(this.guest, {
      section: `[lac lab]\nlns = ${server}\n${redial}`,
      users: [],
      certificates: options.method === 'eap-tls' ? options.pppCertificates : undefined,
      ppp: [
        `user "${user.name}"`,
        // As a server pppd 2.4.9 leaves out what RFC 9190 §2.5 wants of TLS 1.3; as a client it takes it.
        ...(method === 'eap-tls' ? [...eapTlsOptions, 'max-tls-version 1.3'] : [`password "${user.password}"`]),
        'noauth',
        ...refuseOthers(method),
        'noipdefault',
        'ipcp-accept-local',
        'ipcp-accept-remote',
        'usepeerdns',
        'nodefaultroute',
        ...(redialAfter === undefined ? [] : [`lcp-echo-interval ${redialAfter / 3}`, 'lcp-echo-failure 3']),
        'noccp',
        'mtu 1400',
        'mru 1400',
        // Nobody answers LCP Terminate once StopCCN was sent: one try, 3 s, instead of two.
        'lcp-max-terminate 1',
        'logfile /run/lab/pppd.log',
      ],
    });
  }

  /** IKE, L2TP and PPP up to an address. Throws with what strongSwan says, or when PPP takes longer than `seconds`. */
  async connect(seconds = 15): Promise<Link> {
    await initiateIpsec(this.guest);
    await this.dial();
    const [, , local, remote] = (await this.guest.event(/ppp-up/, seconds)).split(' ');
    return { local: local!, remote: remote! };
  }

  /** Starts L2TP over an SA that is up. */
  async dial(): Promise<void> {
    await sh(this.guest, 'xl2tpd-control -c /run/xl2tpd/l2tp-control connect-lac lab');
  }

  /** Ends L2TP first (`l2tp`: StopCCN at once) or PPP first (`ppp`: LCP Terminate, CDN), then ESP and IKE. */
  async disconnect(order: 'l2tp' | 'ppp'): Promise<void> {
    if (order === 'l2tp') await sh(this.guest, 'xl2tpd-control -c /run/xl2tpd/l2tp-control disconnect-lac lab');
    else await terminatePpp(this.guest);
    await waitForNoPpp(this.guest, 10);
    await terminateIpsec(this.guest);
  }
}

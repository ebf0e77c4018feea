/** The files of `sallyport profile --os linux-xl2tpd` in a guest, put where their steps say and used as they say. */

import type { Guest } from '../guest/guest.ts';
import { sh } from '../process.ts';
import type { Link } from './client.ts';
import { stopL2tp } from './l2tp.ts';

/** Takes the files of `/lab/profile`. strongSwan runs already. */
export async function loadProfile(guest: Guest): Promise<void> {
  await stopL2tp(guest);
  await sh(
    guest,
    `for folder in swanctl xl2tpd ppp; do cp -r /lab/profile/$folder /etc/; done
    swanctl --load-all
    rm -f /run/xl2tpd/l2tp-control
    xl2tpd -D -c /etc/xl2tpd/xl2tpd.conf -C /run/xl2tpd/l2tp-control -p /run/xl2tpd.pid >> /run/lab/xl2tpd.log 2>&1 &
    await 5 '[ -p /run/xl2tpd/l2tp-control ]'`,
  );
}

export async function initiateProfile(guest: Guest): Promise<Link> {
  await sh(guest, 'swanctl --initiate --child sallyport --timeout 15');
  await sh(guest, 'xl2tpd-control -c /run/xl2tpd/l2tp-control connect-lac sallyport');
  const [, , local, remote] = (await guest.event(/ppp-up/, 15)).split(' ');
  return { local: local!, remote: remote! };
}

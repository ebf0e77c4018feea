/** Proposals of a configuration, which are for the version of IKE that can read them: for both where both can. */

import type { IkeSettings } from '../config/schema.ts';
import { StartError } from '../driver/openPorts.ts';
import { type IkeProposal, type Profile, parseEspProposal, parseIkeProposal, profiles } from '../ike/index.ts';
import { type IkeV2Profile, ikeV2Profiles, parseChildProposal, parseIkeV2Proposal } from '../ike/v2/index.ts';

type ProfileSettings = Pick<IkeSettings, 'profile' | 'proposals' | 'esp_proposals' | 'lifetime' | 'esp_lifetime'> &
  Partial<Pick<IkeSettings, 'esp_lifetime_kilobytes'>>;

/**
 * The IKEv1 profile of an `ike` section: the named one, with the section's own proposals and lifetimes in it.
 * @throws StartError where the section's proposals are all for IKEv2
 */
export function profileOf(settings: ProfileSettings): Profile {
  const named = profiles[settings.profile];
  const ike = readable<IkeProposal>(settings.proposals, parseIkeProposal, 'proposals', 1);
  const esp = readable(settings.esp_proposals, parseEspProposal, 'esp_proposals', 1);
  const adapt = (part: Profile['accept']): Profile['accept'] => ({
    ike: { ...part.ike, lifetimeSeconds: settings.lifetime, ...(ike === undefined ? {} : { proposals: ike }) },
    esp: {
      ...part.esp,
      ...espLifetimes(settings),
      ...(esp === undefined
        ? {}
        : { suites: esp.map(({ suite }) => suite), pfs: [...new Set(esp.map(({ pfs }) => pfs ?? 'none'))] }),
    },
  });
  return { ...named, accept: adapt(named.accept), offer: adapt(named.offer) };
}

/** The same for IKEv2. */
export function ikeV2ProfileOf(settings: ProfileSettings): IkeV2Profile {
  const named = ikeV2Profiles[settings.profile];
  const ike = readable(settings.proposals, parseIkeV2Proposal, 'proposals', 2);
  const esp = readable(settings.esp_proposals, parseChildProposal, 'esp_proposals', 2);
  const adapt = (part: IkeV2Profile['accept']): IkeV2Profile['accept'] => ({
    ike: { ...part.ike, lifetimeSeconds: settings.lifetime, ...(ike === undefined ? {} : { proposals: ike }) },
    esp: { ...part.esp, ...espLifetimes(settings), ...(esp === undefined ? {} : { proposals: esp }) },
  });
  return { ...named, accept: adapt(named.accept), offer: adapt(named.offer) };
}

const espLifetimes = ({
  esp_lifetime: lifetimeSeconds,
  esp_lifetime_kilobytes: lifetimeKilobytes,
}: ProfileSettings) => ({
  lifetimeSeconds,
  ...(lifetimeKilobytes === undefined ? {} : { lifetimeKilobytes }),
});

function readable<Proposal>(
  texts: readonly string[] | undefined,
  parse: (text: string) => Proposal,
  field: string,
  version: 1 | 2,
): readonly Proposal[] | undefined {
  const read = texts?.flatMap((text) => {
    try {
      return [parse(text)];
    } catch {
      return [];
    }
  });
  if (read === undefined || read.length > 0) return read;
  throw new StartError({
    code: 'no-proposals',
    reason: `${field} names no proposal that IKEv${version} knows`,
    remedy: `Add one, or take IKEv${version} out of the versions that are spoken.`,
  });
}

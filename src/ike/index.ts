/** IKE: message codecs, proposals and policies, NAT traversal, and the IKEv1 computations. */

export { addressBytes, addressText } from './address.ts';
export {
  type ChosenEsp,
  type ChosenIke,
  chooseEsp,
  chooseIke,
  DEFAULT_LIFETIME_SECONDS,
  type EspContext,
  FIRST_FREE_SPI,
  type Mismatch,
  mismatchText,
  offeredTexts,
  readEspAnswer,
  readIkeAnswer,
} from './choose.ts';
export type { CommonConfig, DeadPeerDetection } from './commonConfig.ts';
export { dump, summary } from './describe.ts';
export { type IkeEndpoint, IkeEndpoints, type IkeEndpointsGiven, type IkePopulation } from './endpoints.ts';
export { type ClientSigns, type Fingerprint, fingerprint, type Quirk } from './fingerprint.ts';
export {
  DEFAULT_FRAGMENT_SIZE,
  DEFAULT_REASSEMBLY_LIMITS,
  FragmentReassembly,
  type Reassembled,
  type ReassemblyLimits,
  splitMessage,
} from './fragmentation.ts';
export { decodeHeader, HEADER_BYTES, IsakmpHeader } from './header.ts';
export {
  identityOf,
  identityPayload,
  identityText,
  parseIdentity,
  sameIdentity,
  selectorOf,
  selectorPayload,
} from './identity.ts';
export {
  all,
  decodeMessage,
  decodePayloads,
  encodeMessage,
  encodePayloadBody,
  encodePayloads,
  find,
  MAX_PAYLOADS,
  type Message,
  type MessageHead,
  numberOf,
  type PayloadChain,
  receivedAfterHash,
  receivedBody,
} from './message.ts';
export {
  evaluateNatDetection,
  type NatDetectionContext,
  natDetectionHash,
  natDetectionPayloads,
  originalAddress,
  originalAddressPayload,
} from './natDetection.ts';
export { buildEspProposals, buildIkeProposals, encapsulationNumber } from './offer.ts';
export type * from './output.ts';
export * from './payloads/index.ts';
export {
  ESP_LIFETIME_SECONDS,
  espPolicy,
  IKE_LIFETIME_SECONDS,
  ikePolicy,
  type Profile,
  type ProfileName,
  profileNames,
  profiles,
} from './policy.ts';
export {
  type AuthenticationMethod,
  compactTexts,
  type EspPolicy,
  type EspProposal,
  espSuiteText,
  type IkePolicy,
  type IkeProposal,
  ikeProposalText,
} from './proposal.ts';
export { ProposalSyntaxError, parseEspProposal, parseIkeProposal } from './proposalText.ts';
export * from './v1/attributes.ts';
export {
  type AcceptSelectors,
  acceptL2tp,
  type IkeV1Config,
  type SelectorRequest,
} from './v1/config.ts';
export { IkeV1Endpoint } from './v1/endpoint.ts';
export * from './v1/keys.ts';
export { type Decrypted, decryptMessage, type Encrypted, encryptMessage } from './v1/message.ts';
export { type SecretEntry, type SecretQuery, type Secrets, secretTable } from './v1/secrets.ts';
export * as v2 from './v2/index.ts';
export {
  canReassemble,
  deadPeerDetectionPayload,
  hasVendorId,
  type NatTraversal,
  natTraversalOf,
  natTraversalPayloads,
  natTraversals,
  type VendorId,
  type VendorIdName,
  vendorIdPayload,
  vendorIds,
  vendorIdText,
  vendorIdTexts,
} from './vendorIds.ts';

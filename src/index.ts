/**
 * Sallyport: an L2TP/IPsec gateway and client as a library.
 *
 * `makeGateway` and `makeClient` put the layers together from a configuration and do no I/O: give them an environment
 * (`sallyport/crypto/node`) and run them with `runCore` and a data plane of `sallyport/driver`. Each layer is also
 * there by itself:
 *
 * - `sallyport/gateway`, `sallyport/client`: whole connections; `sallyport/session`: what both are made of
 * - `sallyport/ike`, `sallyport/ike/v1`: ISAKMP and IKEv1; `sallyport/esp`: ESP
 * - `sallyport/l2tp`: tunnels and calls; `sallyport/ppp`: LCP, authentication, IPCP
 * - `sallyport/dataplane`: the path of packets; `sallyport/driver`: sockets, TUN, routes, clock, threads
 * - `sallyport/crypto`, `sallyport/crypto/node`: the algorithms, and Node's; `sallyport/net`, `sallyport/wire`,
 *   `sallyport/core`: addresses and headers, bytes, and the face that every layer shows
 * - `sallyport/config`, `sallyport/store`, `sallyport/admin`, `sallyport/process`: what the program is made of
 *
 * @module
 */

export { type Client, type ClientCommand, type ClientConfig, type ClientOutput, makeClient } from './client/index.ts';
export type { Endpoint, Environment, Failure, Instant } from './core/index.ts';
export {
  type Gateway,
  type GatewayCommand,
  type GatewayConfig,
  type GatewayOutput,
  type ListenerConfig,
  makeGateway,
  type UserAnswer,
  type UserAsk,
} from './gateway/index.ts';
export { type Profile, profiles, type SecretEntry, secretTable } from './ike/index.ts';
export type { LogEntry, SessionView, StackEnvironment } from './session/index.ts';

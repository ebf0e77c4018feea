/** What touches the machine: sockets, TUN, netlink, clock, randomness, threads. docs/driver.md. */

export type { CipherChoice } from './ciphers.ts';
export { type Clock, systemClock } from './clock.ts';
export { type DgramDataPlaneOptions, startDgramDataPlane } from './dgramDataPlane.ts';
export { available as ffiAvailable, unavailableReason as ffiUnavailableReason } from './ffi.ts';
export { describeChange, type HostChange } from './host/change.ts';
export { type Applied, deleteStaleTables, HostChanges, type Recovery, recover } from './host/hostChanges.ts';
export { RESOLVER_FILE, type ResolverOwner, readResolvers, resolverOwner } from './host/resolver.ts';
export { readSysctl } from './host/sysctl.ts';
export { KEY_POOL_THREADS, KeyPool, type KeyWork } from './keyPool.ts';
export { defaultWorkers, type LinuxDataPlaneOptions, startLinuxDataPlane } from './linuxDataPlane.ts';
export { type AlarmClock, type Attached, type Expiring, Loop } from './loop.ts';
export { type Masquerade, Nftables, type NftTable } from './netlink/nftables.ts';
export { type InterfaceAddress, type Link, type Route, type RouteTo, Rtnetlink } from './netlink/rtnetlink.ts';
export { type BoundPorts, type PortOptions, StartError } from './openPorts.ts';
export { systemEnvironment } from './random.ts';
export { type CoreParts, type RunnableCore, type RunningCore, runCore } from './runCore.ts';
export type {
  DataPlaneListener,
  InnerDataPlane as DgramDataPlane,
  InnerStartResult as DgramStartResult,
  PathSettings,
  RunningDataPlane,
  StartFailure,
  StartResult,
} from './startedDataPlane.ts';
export { isSystemError, SystemError } from './systemError.ts';
export { DEFAULT_TUN_NAME } from './tun.ts';

/** Runs a core on Linux as the gateway's and the client's processes both do: with their log and their key files. */

import type { Failure } from '../core/index.ts';
import { type LinuxDataPlaneOptions, startLinuxDataPlane } from '../driver/linuxDataPlane.ts';
import { Rtnetlink } from '../driver/netlink/rtnetlink.ts';
import { systemEnvironment } from '../driver/random.ts';
import { type CoreParts, type RunningCore, runCore } from '../driver/runCore.ts';
import type { DataPlaneListener, RunningDataPlane, StartResult } from '../driver/startedDataPlane.ts';
import { systemCrypto } from '../driver/systemCrypto.ts';
import { isSystemError } from '../driver/systemError.ts';
import type { KeyLog } from '../ike/output.ts';
import { IPV4_LEAST_MTU, IPV6_LEAST_MTU } from '../net/index.ts';
import type { StackEnvironment } from '../session/environment.ts';
import { failureText, type LogEntry } from '../session/log.ts';
import type { KeyLogFiles } from './keyLogFiles.ts';
import type { Log } from './logger.ts';

export const nodeEnvironment: StackEnvironment = {
  ...systemEnvironment,
  crypto: systemCrypto,
  unixTime: () => Date.now() / 1000,
};

/** The inner MTU of the TUN device; larger packets for a peer with less room get an ICMP answer in the data path. */
const TUN_MTU = 1400;

/** Tells a client's kernel what its tunnel carries, as far as IPv6 may be told: where it has less, ICMP says so. */
export function fitDevice(device: string, mtu: number, ipv6: boolean): void {
  const rtnetlink = new Rtnetlink();
  try {
    rtnetlink.setLink(device, { mtu: Math.min(TUN_MTU, Math.max(mtu, ipv6 ? IPV6_LEAST_MTU : IPV4_LEAST_MTU)) });
  } catch (error) {
    if (!isSystemError(error, 'ENODEV')) throw error;
  } finally {
    rtnetlink.close();
  }
}

type Served = 'dataPlane' | 'ask' | 'askSignature' | 'log' | 'keyLog';

export interface LinuxParts<Command, Output> {
  readonly plane: Omit<LinuxDataPlaneOptions, keyof DataPlaneListener | 'tun' | 'offloads'>;
  /** Absent: the kernel names the TUN device. */
  readonly tunName?: string;
  readonly offloads: boolean;
  readonly log: Log;
  readonly keyLog: KeyLogFiles | undefined;
  readonly core: CoreParts<Command, Output, RunningDataPlane>['core'];
  /** Signs and judges certificates; absent where there are none. */
  readonly signatures?: CoreParts<Command, Output, RunningDataPlane>['signatures'] | undefined;
  /** Is given what is neither for the data plane, the key pool, the log nor the key files. */
  readonly take: (output: Exclude<Output, { readonly type: Served }>) => void;
  /** The data plane has ended by itself. */
  readonly failed: (failure: Failure) => void;
}

/** @throws StartError with everything closed again */
export function runOnLinux<Command, Output extends { readonly type: string }>(
  parts: LinuxParts<Command, Output>,
): Promise<RunningCore<Command, RunningDataPlane>> {
  const { log, keyLog, core, failed, signatures } = parts;
  return runCore<Command, Output, RunningDataPlane>({
    dataPlane: (listener) => startDataPlane(parts, listener),
    core,
    ...(signatures === undefined ? {} : { signatures }),
    take: (output) => {
      if (isLog(output)) log.entry(output);
      else if (isKeyLog(output)) keyLog?.write(output);
      else parts.take(output as Exclude<Output, { readonly type: Served }>);
    },
    failed,
    refused: (reason) => log.error('data-plane', `The data plane refused a command: ${reason}`),
  });
}

/** Goes on without native ESP where the process may not have a raw socket. */
async function startDataPlane<Command, Output>(
  { plane, tunName, offloads, log, keyLog }: LinuxParts<Command, Output>,
  listener: DataPlaneListener,
): Promise<StartResult> {
  const options = {
    ...plane,
    ...listener,
    tun: { mtu: TUN_MTU, ...(tunName === undefined ? {} : { name: tunName }) },
    // A capture shows large packets before they are cut, which Wireshark cannot decrypt.
    offloads: offloads && keyLog === undefined,
  };
  let started = await startLinuxDataPlane(options);
  if (!started.ok && started.failure.reason.includes('raw socket')) {
    log.warn('no-native-esp', `${failureText(started.failure)} Going on with ESP in UDP alone.`);
    started = await startLinuxDataPlane({ ...options, rawEsp: false });
  }
  const notShared = started.ok ? started.dataPlane.notShared : undefined;
  if (notShared !== undefined) log.warn('one-worker', `One thread carries all packets: ${notShared}.`);
  const slow = started.ok ? started.dataPlane.slowCiphers : undefined;
  if (slow !== undefined) log.warn('slow-ciphers', `Packets are encrypted by node:crypto, which is slow: ${slow}.`);
  return started;
}

const isLog = (output: { readonly type: string }): output is LogEntry => output.type === 'log';
const isKeyLog = (output: { readonly type: string }): output is KeyLog => output.type === 'keyLog';

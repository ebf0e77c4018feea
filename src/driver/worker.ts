/** The data plane's thread: opens the ports, then runs the packet loop until told to close. Started by linuxDataPlane. */

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { PacketPath } from '../dataplane/path.ts';
import type { PacketInput } from '../dataplane/ports.ts';
import { ciphersFor } from './ciphers.ts';
import { type PortSet, StartError } from './openPorts.ts';
import { packEvents, unpackCommands } from './packedMessages.ts';
import { PacketLoop } from './packetLoop.ts';
import { newPacketPath, type StartFailure } from './startedDataPlane.ts';
import type { FromWorker, ToWorker, WorkerStart } from './threadMessages.ts';
import type { WorkerCommand } from './workers/commandRouter.ts';

if (parentPort === null) throw new Error('this file runs in a worker thread');
const parent = parentPort;
const start = workerData as WorkerStart;
const tell = (message: FromWorker): void => parent.postMessage(message);

let path: PacketPath | undefined;
let loop: PacketLoop | undefined;
if (start.sharing === undefined || start.sharing.index === 0) openAndRun();
else parent.once('message', (message: ToWorker) => (message.type === 'ports' ? openAndRun(message.ports) : undefined));

function openAndRun(adopted?: PortSet): void {
  loop = open(adopted);
  if (loop !== undefined) run(loop);
}

function open(adopted: PortSet | undefined): PacketLoop | undefined {
  try {
    const opened = new PacketLoop({
      ...start.ports,
      ...(start.sharing === undefined ? {} : { sharing: start.sharing }),
      ...(adopted === undefined ? {} : { adopted }),
      wakeFd: start.wakeFd,
      path: (ports, bound, scratch) => {
        path = newPacketPath(ports, bound, start.settings, start.counters, scratch);
        return path;
      },
      control,
      deliver: (events) => tell({ type: 'events', events: packEvents(events) }),
    });
    const { slowBecause: slowCiphers } = ciphersFor(start.settings.ciphers ?? 'fastest');
    const { ports, tun, shares, notShared, handOver } = opened;
    if (handOver !== undefined) handOver.clientToClient = start.settings.clientToClient ?? false;
    tell({ type: 'started', ports, tun, slowCiphers, shares, notShared });
    return opened;
  } catch (error) {
    tell({ type: 'notStarted', failure: failureOf(error, 'start-failed') });
    return undefined;
  }
}

function run(opened: PacketLoop): void {
  try {
    opened.run();
  } catch (error) {
    tell({ type: 'failed', failure: failureOf(error, 'data-plane-failed') });
  } finally {
    opened.close();
    path?.close();
  }
}

/** @returns false when the loop is to end: all that was posted before is done by then */
function control(input: PacketInput): boolean {
  for (;;) {
    const received = receiveMessageOnPort(parent) as { readonly message: ToWorker } | undefined;
    if (received === undefined) return Atomics.load(start.ending, 0) === 0;
    const { message } = received;
    if (message.type === 'close') return false;
    if (message.type === 'commands') for (const command of unpackCommands(message.commands)) perform(input, command);
  }
}

function perform(input: PacketInput, command: WorkerCommand): void {
  try {
    switch (command.type) {
      case 'spiElsewhere':
      case 'spiForgotten':
      case 'sessionElsewhere':
      case 'sessionForgotten':
        loop?.handOver?.elsewhere.command(command);
        return;
      case 'configure':
        if (loop?.handOver !== undefined) loop.handOver.clientToClient = command.clientToClient;
    }
    input.command(command);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    tell({ type: 'refused', reason: `${command.type}: ${reason}` });
  }
}

function failureOf(error: unknown, code: string): StartFailure {
  if (error instanceof StartError) return error.failure;
  return { code, reason: error instanceof Error ? error.message : String(error) };
}

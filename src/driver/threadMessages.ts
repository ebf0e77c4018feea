/** What a data plane's worker and the main thread say to each other, besides the shared flag and the eventfd. */

import type { DataPlaneEvent } from '../dataplane/messages.ts';
import type { BoundPorts, PortOptions, PortSet } from './openPorts.ts';
import type { Packed } from './packedMessages.ts';
import type { PathSettings, StartFailure } from './startedDataPlane.ts';
import type { WorkerCommand } from './workers/commandRouter.ts';
import type { Sharing } from './workers/handOver.ts';

/** What a worker is started with. */
export interface WorkerStart {
  readonly ports: PortOptions;
  readonly settings: PathSettings;
  readonly counters: Float64Array<SharedArrayBuffer>;
  /** Written by the main thread after each message. */
  readonly wakeFd: number;
  /** One number: not 0 from when the process ends, so that the loop does not sleep again. */
  readonly ending: Int32Array<SharedArrayBuffer>;
  /** Where there are several: the first opens the ports, the others wait for theirs (`ports`). */
  readonly sharing?: Sharing;
}

export type ToWorker =
  | { readonly type: 'ports'; readonly ports: PortSet }
  | { readonly type: 'commands'; readonly commands: Packed<WorkerCommand> }
  | { readonly type: 'close' };

export type FromWorker =
  | {
      readonly type: 'started';
      readonly ports: BoundPorts;
      readonly tun: string | undefined;
      readonly slowCiphers: string | undefined;
      /** For the other workers, of the first. */
      readonly shares: readonly PortSet[];
      readonly notShared: string | undefined;
    }
  | { readonly type: 'notStarted'; readonly failure: StartFailure }
  | { readonly type: 'events'; readonly events: Packed<DataPlaneEvent> }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'failed'; readonly failure: StartFailure };

/** Runs a gateway or client core for real: on a data plane, the clock and threads for keys. Its owner only decides. */

import type { Failure, Instant } from '../core/index.ts';
import type { DataPlaneCommand, DataPlaneEvent } from '../dataplane/messages.ts';
import type { KeyAnswer, KeyAsk, SignatureAnswer, SignatureAsk } from '../ike/output.ts';
import { KeyPool } from './keyPool.ts';
import { type Attached, type Expiring, Loop } from './loop.ts';
import { StartError } from './openPorts.ts';
import type { DataPlaneListener, RunningDataPlane } from './startedDataPlane.ts';

/** What a core is driven by; `Gateway` and `Client` are such cores. */
export interface RunnableCore<Command, Output> extends Expiring<Output> {
  receive(event: DataPlaneEvent, now: Instant): readonly Output[];
  command(command: Command, now: Instant): readonly Output[];
}

export interface CoreParts<Command, Output, Plane extends RunningDataPlane> {
  /** Starts the data plane with this listener. */
  readonly dataPlane: (
    listener: DataPlaneListener,
  ) => Promise<{ readonly ok: true; readonly dataPlane: Plane } | { readonly ok: false; readonly failure: Failure }>;
  /** Makes the core, when the data plane runs. What it throws closes the data plane. */
  readonly core: (
    dataPlane: Plane,
    now: Instant,
  ) => RunnableCore<Command, Output> | Promise<RunnableCore<Command, Output>>;
  /** Is given each output but those that are for the data plane, the key pool and the signatures. */
  readonly take: (output: Exclude<Output, { readonly type: ServedType }>) => void;
  /** Signs with our certificates and judges those of peers. Default: there are none, so that no core asks. */
  readonly signatures?: (ask: SignatureAsk['ask']) => Promise<SignatureAnswer>;
  /** The data plane has ended by itself. Default: throws, which ends the process. */
  readonly failed?: (failure: Failure) => void;
  /** The data plane refused a command, which no core should give. Default: throws. */
  readonly refused?: (reason: string) => void;
}

export interface RunningCore<Command, Plane> {
  readonly dataPlane: Plane;
  command(command: Command): void;
  /** Stops at once and closes everything; first end the connections by a command. */
  close(): Promise<void>;
}

type ServedType = 'dataPlane' | 'ask' | 'askSignature';
type Served =
  | { readonly type: 'dataPlane'; readonly command: DataPlaneCommand }
  | (KeyAsk & { readonly type: 'ask' })
  | SignatureAsk
  | { readonly type: string };
/** Every core that asks takes the answer as this command. */
type Answered =
  | { readonly type: 'keyAnswer'; readonly id: number; readonly answer: KeyAnswer }
  | { readonly type: 'signatureAnswer'; readonly id: number; readonly answer: SignatureAnswer };

/** @throws StartError when the data plane does not start */
export async function runCore<Command, Output extends { readonly type: string }, Plane extends RunningDataPlane>(
  parts: CoreParts<Command, Output, Plane>,
): Promise<RunningCore<Command, Plane>> {
  let attached: Attached<Output> | undefined;
  const fail = (failure: Failure): never => {
    throw new StartError(failure);
  };
  const started = await parts.dataPlane({
    onEvents: (events) => {
      for (const event of events) attached?.perform((now) => core.receive(event, now));
    },
    onFailure: parts.failed ?? fail,
    onRefused: parts.refused ?? ((reason) => fail({ code: 'refused-command', reason })),
  });
  if (!started.ok) throw new StartError(started.failure);
  const { dataPlane } = started;
  const loop = new Loop();
  const core = await coreOn(parts, dataPlane, loop.now);
  const keys = new KeyPool();
  const command = (given: Command) => attached?.perform((now) => core.command(given, now));

  const take = (output: Output): void => {
    const served = output as Served;
    if (isForDataPlane(served)) dataPlane.post(served.command);
    else if (isKeyAsk(served)) {
      const { id } = served;
      const answered = (answer: KeyAnswer) => command({ type: 'keyAnswer', id, answer } satisfies Answered as Command);
      void keys.answer(served.ask).then(answered);
    } else if (isSignatureAsk(served)) {
      const { id } = served;
      const answered = (answer: SignatureAnswer) =>
        command({ type: 'signatureAnswer', id, answer } satisfies Answered as Command);
      void parts.signatures?.(served.ask).then(answered);
    } else parts.take(output as Exclude<Output, { readonly type: ServedType }>);
  };
  attached = loop.attach(core, (outputs) => outputs.forEach(take));

  return {
    dataPlane,
    command,
    close: async () => {
      attached?.detach();
      attached = undefined;
      loop.stop();
      await Promise.all([keys.close(), dataPlane.close()]);
    },
  };
}

async function coreOn<Command, Output, Plane extends RunningDataPlane>(
  { core }: CoreParts<Command, Output, Plane>,
  dataPlane: Plane,
  now: Instant,
): Promise<RunnableCore<Command, Output>> {
  try {
    return await core(dataPlane, now);
  } catch (error) {
    await dataPlane.close();
    throw error;
  }
}

const isForDataPlane = (output: Served): output is Extract<Served, { command: DataPlaneCommand }> =>
  output.type === 'dataPlane';
const isSignatureAsk = (output: Served): output is SignatureAsk => output.type === 'askSignature';
const isKeyAsk = (output: Served): output is KeyAsk => output.type === 'ask';

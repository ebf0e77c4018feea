/** Makes changes on the host so that every one of them is undone: at the end, in an exit handler, or by the next start. */

import type { Failure } from '../../core/index.ts';
import { COMMENT_PREFIX, Nftables } from '../netlink/nftables.ts';
import { Rtnetlink } from '../netlink/rtnetlink.ts';
import { isSystemError } from '../systemError.ts';
import { describeChange, type HostChange } from './change.ts';
import { currentOwner, isAlive, Journal, type JournalEntry, readJournal, replaceJournal } from './journal.ts';
import { stepOf } from './steps.ts';

export type Applied =
  /** `made` false: it was as wanted before, and stays so at the end. */
  { readonly ok: true; readonly made: boolean } | { readonly ok: false; readonly failure: Failure };

/** What became of the changes of a former process, in words. */
export interface Recovery {
  readonly undone: readonly string[];
  /** Could not be undone, with the reason. The journal keeps them. */
  readonly failed: readonly string[];
  /** Went with a boot, or belong to another network namespace. */
  readonly gone: readonly string[];
}

export class HostChanges {
  readonly #journal: Journal;

  /** @param journalPath a file of this process alone; call `recover` on it first */
  constructor(journalPath: string) {
    this.#journal = new Journal(journalPath);
  }

  /** What is changed at present, in words. */
  get made(): readonly string[] {
    return this.#journal.entries.map(({ change }) => describeChange(change));
  }

  apply(change: HostChange): Applied {
    const step = stepOf(change);
    let entry: JournalEntry | undefined;
    try {
      const before = step.before(change);
      if (before === undefined) return { ok: true, made: false };
      entry = this.#journal.write(change, before);
      step.make(change, before);
      return { ok: true, made: true };
    } catch (error) {
      if (entry !== undefined) this.#journal.crossOut(entry);
      if (isSystemError(error, ...step.madeBefore)) return { ok: true, made: false };
      return { ok: false, failure: failureOf(change, error) };
    }
  }

  /** Undoes the changes that `which` picks, last first. @returns one sentence for each that could not be undone */
  undo(which: (change: HostChange) => boolean): string[] {
    const failed: string[] = [];
    for (const entry of [...this.#journal.entries].reverse()) {
      if (!which(entry.change)) continue;
      try {
        stepOf(entry.change).undo(entry.change, entry.before);
        this.#journal.crossOut(entry);
      } catch (error) {
        failed.push(`${describeChange(entry.change)}: ${messageOf(error)}`);
      }
    }
    return failed;
  }

  /** Undoes everything, last first; may be called again. @returns one sentence for each that could not be undone */
  undoAll(): string[] {
    return this.undo(() => true);
  }
}

/**
 * Cleans up what a killed process left. Harmless without a journal, and when called again.
 * @returns a failure where the process that the journal belongs to is still running
 */
export function recover(
  journalPath: string,
): { readonly ok: true; readonly recovery: Recovery } | { readonly ok: false; readonly failure: Failure } {
  const found = readJournal(journalPath);
  if (found === undefined) return { ok: true, recovery: { undone: [], failed: [], gone: [] } };
  if (found.owner.pid !== process.pid && isAlive(found.owner))
    return { ok: false, failure: alreadyRunning(found.owner.pid) };
  const here = currentOwner();
  const valid = found.owner.boot === here.boot && found.owner.namespace === here.namespace;
  const undone: string[] = [];
  const failed: string[] = [];
  const gone: string[] = [];
  const left: JournalEntry[] = [];
  for (const entry of [...found.entries].reverse()) {
    const words = describeChange(entry.change);
    const step = stepOf(entry.change);
    if (!valid && !step.lasting) {
      gone.push(words);
      continue;
    }
    try {
      step.undo(entry.change, entry.before);
      undone.push(words);
    } catch (error) {
      failed.push(`${words}: ${messageOf(error)}`);
      left.unshift(entry);
    }
  }
  replaceJournal(journalPath, { owner: found.owner, entries: left });
  return { ok: true, recovery: { undone, failed, gone } };
}

/**
 * NAT tables of ours whose TUN device does not exist any more: left by a process whose journal is lost.
 * @returns their names, after deleting them
 */
export function deleteStaleTables(): string[] {
  const nftables = new Nftables();
  const rtnetlink = new Rtnetlink();
  try {
    const devices = new Set(rtnetlink.links().map((link) => link.name));
    const stale = nftables.tables().filter(({ family, comment }) => {
      return (
        family === 'ip' && comment?.startsWith(COMMENT_PREFIX) && !devices.has(comment.slice(COMMENT_PREFIX.length))
      );
    });
    for (const { name } of stale) nftables.deleteTable(name);
    return stale.map(({ name }) => name);
  } finally {
    nftables.close();
    rtnetlink.close();
  }
}

function alreadyRunning(pid: number): Failure {
  return {
    code: 'already-running',
    reason: `process ${pid} uses this state directory`,
    remedy: 'Stop it, or start this one with another state directory.',
  };
}

function failureOf(change: HostChange, error: unknown): Failure {
  const words = describeChange(change);
  if (isSystemError(error, 'EROFS') && change.kind === 'sysctl') {
    return {
      code: 'sysctl-read-only',
      reason: `${change.name} cannot be set to ${change.value}: /proc/sys is read-only here`,
      remedy: `Set it from outside (for a container: \`--sysctl ${change.name}=${change.value}\`).`,
    };
  }
  if (isSystemError(error, 'EPERM', 'EACCES')) {
    return {
      code: 'no-privilege',
      reason: `the process may not change this on the host: ${words}`,
      remedy: 'Run it as root or with the capability CAP_NET_ADMIN.',
    };
  }
  if (isSystemError(error, 'EEXIST') && change.kind === 'nat') {
    return {
      code: 'table-exists',
      reason: `there is an nf_tables table ip ${change.table} already, which is not of this process`,
      remedy: `Delete it (\`nft delete table ip ${change.table}\`) or configure another name.`,
    };
  }
  if (isSystemError(error, 'ENOENT', 'EOPNOTSUPP', 'EPROTONOSUPPORT') && change.kind === 'nat') {
    return {
      code: 'no-nf-tables',
      reason: `the kernel does not have what NAT needs: ${messageOf(error)}`,
      remedy: 'Load the kernel modules nf_tables, nft_chain_nat and nft_masq, or turn NAT off.',
    };
  }
  return { code: 'host-change-failed', reason: `${words}: ${messageOf(error)}` };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

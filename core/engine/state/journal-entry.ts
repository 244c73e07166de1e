import type { ContainerExit, ContainerObservation } from '../../api/engine.ts';

/** What of an attempt is known from the beginning. */
export type AttemptRecord = Omit<ContainerObservation, 'phase' | 'startedAt' | 'finishedAt' | 'exit'> & {
  /** Symlink to the log. */
  readonly logLink?: string;
};

/** One line of a pod's journal. Times in milliseconds since the epoch. */
export type JournalEntry =
  | { readonly type: 'sandbox'; readonly uid: string; readonly name: string; readonly namespace: string; readonly createdAt: number }
  /** Written before the attempt's guest may begin. */
  | { readonly type: 'attempt'; readonly attempt: AttemptRecord }
  /** Written right before the guest gets its thread: from here on it may have had effects. */
  | { readonly type: 'start'; readonly id: string; readonly at: number }
  /** Written before anybody is told. */
  | { readonly type: 'exit'; readonly id: string; readonly at: number; readonly exit: ContainerExit }
  | { readonly type: 'remove'; readonly id: string };

/** A pod as its journal tells it. */
export interface RecoveredPod {
  readonly sandbox: Extract<JournalEntry, { type: 'sandbox' }>;
  readonly attempts: readonly RecoveredAttempt[];
}

export interface RecoveredAttempt {
  readonly record: AttemptRecord;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** Absent: the node was lost while the attempt ran. */
  readonly exit?: ContainerExit;
}

/** Reads a journal's text. A line that is not whole (the last one after a crash, or one before a failed append) is counted, not fatal. */
export function parseJournal(text: string): { entries: JournalEntry[]; unreadable: number } {
  const entries: JournalEntry[] = [];
  let unreadable = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    try {
      entries.push(JSON.parse(line) as JournalEntry);
    } catch {
      unreadable += 1;
    }
  }
  return { entries, unreadable };
}

/** The entries that still say something: those of removed attempts do not. */
export function withoutRemoved(entries: readonly JournalEntry[]): JournalEntry[] {
  const removed = new Set(entries.flatMap((entry) => (entry.type === 'remove' ? [entry.id] : [])));
  return entries.filter((entry) => entry.type === 'sandbox' || !removed.has(entry.type === 'attempt' ? entry.attempt.id : entry.id));
}

/**
 * What the entries say, attempts oldest first. An attempt whose guest never began is left out: nothing of it happened,
 * and the same attempt may be made again. Undefined without a sandbox entry.
 */
export function replayJournal(entries: readonly JournalEntry[]): RecoveredPod | undefined {
  let sandbox: RecoveredPod['sandbox'] | undefined;
  const attempts = new Map<string, RecoveredAttempt>();
  for (const entry of entries) {
    if (entry.type === 'sandbox') {
      sandbox = entry;
    } else if (entry.type === 'attempt') {
      attempts.set(entry.attempt.id, { record: entry.attempt });
    } else if (entry.type === 'remove') {
      attempts.delete(entry.id);
    } else {
      const attempt = attempts.get(entry.id);
      if (attempt === undefined) continue;
      attempts.set(entry.id, entry.type === 'start' ? { ...attempt, startedAt: entry.at } : { ...attempt, finishedAt: entry.at, exit: entry.exit });
    }
  }
  if (sandbox === undefined) return undefined;
  return { sandbox, attempts: [...attempts.values()].filter(({ startedAt, exit }) => startedAt !== undefined || exit !== undefined) };
}

import type { Logger } from '../../api/logger.ts';
import { lostInRestart } from './container-exit.ts';
import { Container } from './container.ts';
import { Journal } from './journal.ts';
import { replayJournal } from './journal-entry.ts';
import { PodSandbox } from './pod-sandbox.ts';

/**
 * A pod of a former node process, from the journal in its directory; undefined when it has none. Attempts that were
 * running are over and their end is not known, which is written to the journal before anybody is told.
 */
export async function recoverPod(directory: string, now: number, logger: Logger): Promise<PodSandbox | undefined> {
  const read = await Journal.read(directory, logger);
  const pod = read === undefined ? undefined : replayJournal(read.entries);
  if (read === undefined || pod === undefined) return undefined;
  const { uid, name, namespace, createdAt } = pod.sandbox;
  const sandbox = new PodSandbox({ uid, name, namespace }, createdAt, read.journal);
  for (const attempt of pod.attempts) {
    const { id } = attempt.record;
    const { finishedAt = now, exit = lostInRestart } = attempt;
    if (attempt.exit === undefined) await sandbox.journal.append({ type: 'exit', id, at: now, exit });
    sandbox.containers.set(id, Container.recover(attempt, finishedAt, exit));
  }
  return sandbox;
}

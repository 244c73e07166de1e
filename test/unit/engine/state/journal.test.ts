import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { Journal } from '../../../../core/engine/state/journal.ts';
import { parseJournal, replayJournal, withoutRemoved } from '../../../../core/engine/state/journal-entry.ts';
import type { AttemptRecord, JournalEntry } from '../../../../core/engine/state/journal-entry.ts';
import { recordingLogger } from '../../../support/engine-bed.ts';

const sandbox: JournalEntry = { type: 'sandbox', uid: 'u', name: 'p', namespace: 'n', createdAt: 1 };
const record = (id: string, attempt = 0): AttemptRecord => ({
  id, podUid: 'u', name: 'c', kind: 'main', attempt, hash: 'h', image: 'i', imageId: 'i@sha256:0', runtime: 'wasi', isolation: 'dedicated', createdAt: 2, logPath: '/log',
});
const attempted = (id: string, attempt = 0): JournalEntry => ({ type: 'attempt', attempt: record(id, attempt) });
const started = (id: string): JournalEntry => ({ type: 'start', id, at: 3 });
const exited = (id: string): JournalEntry => ({ type: 'exit', id, at: 4, exit: { code: 0, reason: 'Completed' } });
const removed = (id: string): JournalEntry => ({ type: 'remove', id });

describe('what a journal says', () => {
  it('is each attempt with its start and its end, oldest first', () => {
    assert.deepEqual(replayJournal([sandbox, attempted('a'), started('a'), exited('a'), attempted('b', 1), started('b')]), {
      sandbox,
      attempts: [{ record: record('a'), startedAt: 3, finishedAt: 4, exit: { code: 0, reason: 'Completed' } }, { record: record('b', 1), startedAt: 3 }],
    });
  });

  it('leaves out attempts that never began, and removed ones', () => {
    assert.deepEqual(replayJournal([sandbox, attempted('a'), attempted('b'), started('b'), exited('b'), removed('b')])?.attempts, []);
  });

  it('keeps an attempt that ended without beginning: a start error', () => {
    assert.equal(replayJournal([sandbox, attempted('a'), exited('a')])?.attempts.length, 1);
  });

  it('is nothing without a sandbox', () => {
    assert.equal(replayJournal([attempted('a')]), undefined);
  });

  it('does not change when removed attempts are left out of the file', () => {
    const entry = fc.oneof(...['a', 'b', 'c'].flatMap((id) => [attempted(id), started(id), exited(id), removed(id)]).map((value) => fc.constant(value)));
    fc.assert(fc.property(fc.uniqueArray(entry, { comparator: (left, right) => left === right }), (entries) => {
      const lastWord = (id: string) => entries.findLast((value) => (value.type === 'attempt' ? value.attempt.id : value.type === 'sandbox' ? '' : value.id) === id);
      fc.pre(['a', 'b', 'c'].every((id) => !entries.includes(removed(id)) || lastWord(id)?.type === 'remove'));
      const ordered = entries.toSorted((left, right) => order(left) - order(right));
      assert.deepEqual(replayJournal(withoutRemoved([sandbox, ...ordered])), replayJournal([sandbox, ...ordered]));
    }));
  });

  const order = ({ type }: JournalEntry): number => ['sandbox', 'attempt', 'start', 'exit', 'remove'].indexOf(type);

  it('is read up to any byte at which writing was cut off', () => {
    const entries = [sandbox, attempted('a'), started('a'), exited('a')];
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    for (let length = 0; length <= text.length; length++) {
      const { entries: read, unreadable } = parseJournal(text.slice(0, length));
      const whole = text.slice(0, length).split('\n').length - 1;
      // The newline itself may be what is missing.
      assert.ok(read.length === whole || read.length === whole + 1);
      assert.ok(unreadable <= 1);
      assert.deepEqual(read, entries.slice(0, read.length));
    }
  });
});

describe('the journal', () => {
  let directory: string;
  const logger = recordingLogger();
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-journal-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const file = () => path.join(directory, 'journal.jsonl');
  const read = async () => (await Journal.read(directory, logger))?.entries;

  it('gives back what was appended, in order', async () => {
    const journal = Journal.create(directory, logger);
    const entries = [sandbox, ...Array.from({ length: 20 }, (_, n) => started(String(n)))];
    await Promise.all(entries.map((entry) => journal.append(entry)));
    assert.deepEqual(await read(), entries);
  });

  it('goes on after half a line', async () => {
    await writeFile(file(), `${JSON.stringify(sandbox)}\n{"type":"att`);
    const found = await Journal.read(directory, logger);
    assert.deepEqual(found?.entries, [sandbox]);
    await found?.journal.append(attempted('a'));
    assert.deepEqual(await read(), [sandbox, attempted('a')]);
  });

  it('goes on after an append that failed', async () => {
    const gone = path.join(directory, 'gone');
    const journal = Journal.create(gone, logger);
    await assert.rejects(journal.append(sandbox), { code: 'ENOENT' });
    await mkdir(gone);
    await journal.append(sandbox);
    assert.deepEqual((await Journal.read(gone, logger))?.entries, [sandbox]);
  });

  it('is not there for a directory without one, or for a file', async () => {
    assert.equal(await Journal.read(directory, logger), undefined);
    await writeFile(file(), '');
    assert.equal(await Journal.read(file(), logger), undefined);
  });

  it('is written anew once many attempts were removed', async () => {
    const journal = Journal.create(directory, logger);
    await journal.append(sandbox);
    for (let n = 0; n < 60; n++) {
      for (const entry of [attempted(String(n), n), started(String(n)), exited(String(n)), removed(String(n))]) await journal.append(entry);
    }
    await journal.append(attempted('last', 60));
    const entries = (await read())!;
    assert.equal(entries.length, 1 + 10 * 4 + 1);
    assert.deepEqual(entries.at(-1), attempted('last', 60));
    assert.ok((await readFile(file(), 'utf8')).endsWith('\n'));
  });

  it('can be removed twice', async () => {
    const journal = Journal.create(directory, logger);
    await journal.append(sandbox);
    await journal.remove();
    await journal.remove();
    assert.equal(await read(), undefined);
  });
});

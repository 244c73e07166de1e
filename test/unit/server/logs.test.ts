import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { ContainerState, Pod } from '../../../core/api/kubernetes.ts';
import { parseLogLine } from '../../../core/server/logs/cri-log.ts';
import { formatLog } from '../../../core/server/logs/format-log.ts';
import { parseLogOptions } from '../../../core/server/logs/log-options.ts';
import { readLogLines, tailPosition } from '../../../core/server/logs/read-log-lines.ts';
import { hasContainer, selectLogContainer } from '../../../core/server/logs/select-log-container.ts';

describe('parseLogLine', () => {
  const parse = (text: string) => parseLogLine(Buffer.from(text));
  it('reads a record', () => {
    const record = parse('2026-11-24T15:00:01.123456789Z stderr P a  b ')!;
    assert.deepEqual([record.timestamp, record.time, record.partial, record.text.toString()], ['2026-11-24T15:00:01.123456789Z', Date.parse('2026-11-24T15:00:01.123Z'), true, 'a  b ']);
    assert.equal(parse('2026-11-24T15:00:01+05:30 stdout F:tag x')?.text.toString(), 'x');
    assert.equal(parse('2026-11-24T15:00:01Z stdout F ')?.text.length, 0);
  });
  it('refuses what is none', () => {
    for (const line of ['', ' ', 'x', '2026-11-24T15:00:01Z stdout F', '2026-11-24T15:00:01Z stdin F x', '2026-11-24T15:00:01Z stdout X x', '2026-13-24T15:00:01Z stdout F x', '2026-11-24 stdout F x', '2026-11-24T15:00:01Z  stdout F x', '{"log":"docker"}']) assert.equal(parse(line), undefined, line);
  });
  it('takes any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseLogLine(Buffer.from(bytes))));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const line = Buffer.concat([Buffer.from('2026-11-24T15:00:01Z stdout F '), bytes]);
      assert.deepEqual(parseLogLine(line)?.text, Buffer.from(bytes));
    }));
  });
});

describe('parseLogOptions', () => {
  const parse = (query: string) => parseLogOptions(new URLSearchParams(query), 100_000);
  it('reads what the apiserver sends', () => {
    assert.deepEqual(parse('follow=true&previous=false&timestamps&tailLines=0&limitBytes=10&sinceSeconds=5'), { ok: true, options: { follow: true, previous: false, timestamps: true, since: 95_000, tailLines: 0, limitBytes: 10 } });
    assert.deepEqual(parse('sinceTime=1970-01-01T00:00:01.5Z&tail=3&follow=0'), { ok: true, options: { follow: false, previous: false, timestamps: false, since: 1500, tailLines: 3 } });
    assert.deepEqual(parse(''), { ok: true, options: { follow: false, previous: false, timestamps: false } });
  });
  it('tells unreadable from impossible', () => {
    for (const [query, status] of [['tailLines=x', 400], ['tailLines=1.5', 400], ['sinceTime=yesterday', 400], ['limitBytes=99999999999999999999', 400], ['tailLines=-1', 422], ['limitBytes=0', 422], ['sinceSeconds=0', 422], ['sinceSeconds=1&sinceTime=1970-01-01T00:00:00Z', 422]] as const) {
      const parsed = parse(query);
      assert.deepEqual([query, parsed.ok || parsed.status], [query, status]);
    }
  });
  it('answers any query', () => {
    const name = fc.constantFrom('follow', 'previous', 'timestamps', 'sinceSeconds', 'sinceTime', 'tailLines', 'tail', 'limitBytes', 'x');
    fc.assert(fc.property(fc.array(fc.tuple(name, fc.oneof(fc.string(), fc.integer().map(String)))), (pairs) => {
      const parsed = parseLogOptions(new URLSearchParams(pairs), 0);
      if (!parsed.ok) return;
      const { tailLines = 0, limitBytes = 1, since = 0 } = parsed.options;
      assert.ok(Number.isSafeInteger(tailLines) && tailLines >= 0 && Number.isSafeInteger(limitBytes) && limitBytes >= 1 && Number.isFinite(since));
    }));
  });
});

describe('selectLogContainer', () => {
  const pod = (state: ContainerState | undefined, lastState?: ContainerState): Pod => ({
    metadata: { namespace: 'd', name: 'p', uid: 'u' },
    spec: { containers: [{ name: 'c' }], initContainers: [{ name: 'i' }] },
    status: { containerStatuses: state && [{ name: 'c', image: '', imageID: '', ready: false, restartCount: 0, containerID: 'wasmlet://now', state, lastState }], initContainerStatuses: [{ name: 'i', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode: 0, containerID: 'wasmlet://init' } } }] },
  });
  const ended = (containerID?: string) => ({ terminated: { exitCode: 1, containerID } });
  const select = (given: Pod, previous = false, name = 'c') => {
    const selected = selectLogContainer(given, name, previous);
    return 'id' in selected ? selected.id : selected.problem;
  };
  it('takes the instance that upstream takes', () => {
    assert.equal(select(pod({ running: {} })), 'now');
    assert.equal(select(pod(ended('wasmlet://gone'))), 'gone');
    assert.equal(select(pod(ended(), ended('wasmlet://before'))), 'before');
    assert.equal(select(pod({ waiting: { reason: 'CrashLoopBackOff' } }, ended('wasmlet://before'))), 'before');
    assert.equal(select(pod({ running: {} }, ended('wasmlet://before')), true), 'before');
    assert.equal(select(pod({ running: {} }), false, 'i'), 'init');
  });
  it('says why there is none', () => {
    assert.equal(select(pod(undefined)), 'container "c" in pod "p" is not available');
    assert.equal(select(pod(ended())), 'container "c" in pod "p" is terminated');
    assert.equal(select(pod({ waiting: {} }, ended())), 'container "c" in pod "p" is terminated');
    assert.equal(select(pod({ waiting: { reason: 'ErrImagePull' } })), 'container "c" in pod "p" is waiting to start: image can\'t be pulled');
    assert.equal(select(pod({ waiting: { reason: 'ContainerCreating' } })), 'container "c" in pod "p" is waiting to start: ContainerCreating');
    assert.equal(select(pod({})), 'container "c" in pod "p" is waiting to start - no logs yet');
    assert.equal(select(pod({ running: {} }), true), 'previous terminated container "c" in pod "p" not found');
    assert.deepEqual([hasContainer(pod(undefined), 'i'), hasContainer(pod(undefined), 'x')], [true, false]);
  });
});

describe('readLogLines', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-log-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));
  const write = async (content: string | Buffer) => {
    const file = path.join(directory, 'log');
    await writeFile(file, content);
    return file;
  };
  const read = async (file: string, tailLines?: number) => {
    const batches = await Array.fromAsync(readLogLines(file, { signal: new AbortController().signal, ...(tailLines !== undefined && { tailLines }) }));
    return batches.flat().map(String);
  };

  it('gives the last lines as splitting the whole file does', async () => {
    const lines = fc.array(fc.oneof(fc.string({ maxLength: 20 }).map((text) => text.replaceAll('\n', ' ')), fc.integer({ min: 60_000, max: 70_000 }).map((length) => 'x'.repeat(length))), { maxLength: 12 });
    await fc.assert(fc.asyncProperty(lines, fc.nat(14), fc.boolean(), async (given, count, closed) => {
      const text = given.join('\n') + (closed && given.length > 0 ? '\n' : '');
      const all = text.split('\n');
      if (all.at(-1) === '') all.pop();
      const file = await write(text);
      assert.deepEqual(await read(file), all);
      assert.deepEqual(await read(file, count), count === 0 ? [] : all.slice(-count));
    }), { numRuns: 60 });
  });

  it('drops a line that no writer of ours makes, and goes on', async () => {
    assert.deepEqual(await read(await write(`first\n${'x'.repeat(3 << 20)}\nlast\n`)), ['first', 'last']);
  });

  it('takes a missing file for an empty one', async () => {
    assert.deepEqual(await read(path.join(directory, 'none')), []);
    await assert.rejects(read(directory), { code: 'EISDIR' });
  });

  it('reads a few blocks for the tail of a large file', async () => {
    const file = await open(await write(Buffer.alloc(8 << 20, 'line of text\n')));
    try {
      assert.equal((8 << 20) - (await tailPosition(file, 3)) < 64, true);
    } finally {
      await file.close();
    }
  });

  it('stops at once when nobody listens any more', async () => {
    const gone = new AbortController();
    const lines = readLogLines(await write('a\n'), { signal: gone.signal, follow: { ended: () => false, sleep: async (_, signal) => void (signal.aborted || (await once(signal, 'abort'))) } });
    assert.deepEqual((await lines.next()).value?.map(String), ['a']);
    const next = lines.next();
    gone.abort();
    assert.equal((await next).done, true);
  });
});

describe('formatLog', () => {
  it('never gives more bytes than asked for', async () => {
    const record = fc.tuple(fc.constantFrom('F', 'P'), fc.string({ maxLength: 10 }).map((text) => text.replaceAll('\n', ' '))).map(([tag, text]) => Buffer.from(`2026-11-24T15:00:01Z stdout ${tag} ${text}`));
    await fc.assert(fc.asyncProperty(fc.array(fc.array(record)), fc.integer({ min: 1, max: 60 }), fc.boolean(), async (batches, limitBytes, timestamps) => {
      const lines = () => (async function* () { yield* batches; })();
      const whole = Buffer.concat(await Array.fromAsync(formatLog(lines(), { timestamps })));
      const cut = Buffer.concat(await Array.fromAsync(formatLog(lines(), { timestamps, limitBytes })));
      assert.deepEqual(cut, whole.subarray(0, limitBytes));
    }));
  });
});

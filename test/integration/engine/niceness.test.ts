/** At which priority threads wait and guests run, on a node that does not run at the usual one. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

const script = path.join(import.meta.dirname, '../../support/niceness-process.ts');

/** The niceness of a process, and of its threads after a guest of each class. `within`: a command that becomes the process. */
async function started(niceness: number, ...within: readonly string[]): Promise<{ readonly own: number; readonly threads: readonly number[] }> {
  const { stdout } = await promisify(execFile)('nice', ['-n', String(niceness - os.getPriority()), ...within, process.execPath, script]);
  return JSON.parse(stdout) as Awaited<ReturnType<typeof started>>;
}

describe('the priority of threads', { timeout: 60_000 }, () => {
  it('that wait is the node\'s own, also after a rehearsal', { skip: process.getuid?.() !== 0 && 'only root may ask for more than the usual priority' }, async () => {
    const { own, threads } = await started(-5);
    assert.equal(own, -5);
    assert.deepEqual(threads.filter((niceness) => niceness !== -5), [10], 'but for the thread of shared guests');
    // As a service with Nice= and User= is: what was lowered stays so, and a rehearsal lowers nothing.
    const unprivileged = await started(-5, 'setpriv', '--bounding-set=-sys_nice');
    assert.deepEqual(unprivileged.threads.filter((niceness) => niceness !== -5), [10, 10]);
  });

  it('of guests is never above the node\'s own', async () => {
    const { own, threads } = await started(15);
    assert.equal(own, 15);
    assert.deepEqual(threads.filter((niceness) => niceness < 15), []);
  });
});

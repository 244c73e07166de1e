import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { parseCpuSeconds, parsePss, readUsage } from '../../../benchmarks/harness/process-tree.ts';

describe('parsePss', () => {
  it('reads kB as 1024 bytes', () => {
    assert.equal(parsePss('00400000-7ffe ---p 00000000 00:00 0 [rollup]\nRss: 9 kB\nPss:     3 kB\nPss_Dirty: 1 kB\n'), 3072);
  });
  it('refuses a text without it', () => {
    assert.throws(() => parsePss('Rss: 9 kB\n'), /no Pss/);
  });
});

describe('parseCpuSeconds', () => {
  const tail = 'S 1 1 1 0 -1 4194304 1 2 3 4 150 50 30 20 20 0 1 0';
  it('adds user and system time, own and of children', () => {
    assert.equal(parseCpuSeconds(`42 (node) ${tail}`), 2.5);
  });
  it('is not led astray by a name with spaces and parentheses', () => {
    assert.equal(parseCpuSeconds(`42 (a) b (c) ${tail}`), 2.5);
  });
  it('refuses what is cut short', () => {
    assert.throws(() => parseCpuSeconds('42 (node) S 1 1'), /not a/);
  });
});

describe('readUsage', () => {
  it('counts a process with its child', async () => {
    const shell = spawn('sh', ['-c', 'exec 3<&0; cat <&3 & echo ready; wait'], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(shell.stdout, 'data');
      const usage = await readUsage(shell.pid!);
      assert.equal(usage.processes, 2);
      assert.ok(usage.pssBytes > 0 && usage.pssBytes < 100 * 2 ** 20, String(usage.pssBytes));
    } finally {
      shell.stdin.end();
      shell.kill('SIGKILL');
    }
  });
});

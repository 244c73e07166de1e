/** A demo that is cut short leaves nothing behind: no node, no directory. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { it } from 'node:test';
import { eventually, executable } from '../support/wasmlet-process.ts';

for (const [how, interrupt] of [
  ['by Ctrl-C', (demo: ReturnType<typeof spawn>) => void demo.kill('SIGINT')],
  ['by a closed pipe', (demo: ReturnType<typeof spawn>) => void demo.stdout!.destroy()],
] as const) {
  it(`ends its node when it is interrupted ${how}`, { timeout: 60_000 }, async () => {
    const temporary = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-cut-'));
    const demo = spawn(process.execPath, [executable, 'demo'], { env: { ...process.env, TMPDIR: temporary }, stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await once(demo.stdout, 'data');
      interrupt(demo);
      if (demo.exitCode === null && demo.signalCode === null) await once(demo, 'exit');
      await eventually('the node is gone', () => nodesBelow(temporary).length === 0);
      assert.deepEqual(readdirSync(temporary).filter((name) => name.startsWith('wasmlet-demo-')), []);
    } finally {
      demo.kill('SIGKILL');
      for (const pid of nodesBelow(temporary)) process.kill(pid, 'SIGKILL');
      rmSync(temporary, { recursive: true, force: true });
    }
  });
}

function nodesBelow(directory: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
    } catch {
      return false; // It has ended meanwhile.
    }
  });
}

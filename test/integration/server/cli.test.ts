import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { Command } from 'commander';
import type { CliContext } from '../../../core/cli/context.ts';
import { registerDescribe } from '../../../core/cli/commands/describe.ts';
import { registerLogs } from '../../../core/cli/commands/logs.ts';
import { registerPs } from '../../../core/cli/commands/ps.ts';
import { eventually, ServedNode } from './served-node.ts';

class Collected extends Writable {
  text = '';

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.text += piece.toString();
    done();
  }
}

describe('wasmlet ps, logs and describe', () => {
  let node: ServedNode;
  before(async () => {
    node = await ServedNode.start();
    await node.addContainer('web-n1', {}, {}, '2020-11-24T15:00:00Z stdout F hello\n');
    node.pods[0]!.spec.nodeName = 'n1';
    await node.addContainer('broken', { phase: 'exited', runtime: 'jco' }, { ready: false, restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s\u001b[2J' } }, lastState: { terminated: { exitCode: 134, reason: 'Error', message: 'unreachable' } } });
  });
  after(() => node.stop());

  const start = (...argv: string[]) => {
    const [stdout, stderr] = [new Collected(), new Collected()];
    const context = { environment: {}, hostname: 'n1', isRoot: false, stdout, stderr } as unknown as CliContext;
    const program = new Command('wasmlet').exitOverride().configureOutput({ writeErr: (text) => stderr.write(text) });
    for (const register of [registerPs, registerLogs, registerDescribe]) register(program, context);
    for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: (text) => stderr.write(text) });
    return { stdout, stderr, done: program.parseAsync([...argv, '--root-dir', node.root], { from: 'user' }) };
  };
  const run = async (...argv: string[]) => {
    const { stdout, stderr, done } = start(...argv);
    await done;
    return { stdout: stdout.text, stderr: stderr.text };
  };

  it('lists pods as a table and as a PodList', async () => {
    const { stdout } = await run('ps');
    assert.deepEqual(stdout.trimEnd().split('\n').map((line) => line.split(/ {3,}/)), [
      ['NAMESPACE', 'POD', 'READY', 'STATUS', 'RESTARTS', 'RUNTIME', 'AGE'],
      ['default', 'broken', '0/1', 'CrashLoopBackOff', '3', 'jco', '<unknown>'],
      ['default', 'web-n1', '1/1', 'Running', '0', 'wasi', '<unknown>'],
    ]);
    const list = JSON.parse((await run('ps', '-o', 'json')).stdout) as { kind: string; items: unknown[] };
    assert.deepEqual([list.kind, list.items.length], ['PodList', 2]);
    assert.deepEqual(await run('ps', '-n', 'other'), { stdout: '', stderr: 'No pods found.\n' });
    await assert.rejects(run('ps', '-o', 'yaml'), { code: 'commander.invalidArgument' });
  });

  it('prints a log, by the static pod\'s own name too', async () => {
    assert.equal((await run('logs', 'web')).stdout, 'hello\n');
    assert.equal((await run('logs', 'default/web-n1', '--timestamps', '--tail', '1')).stdout, '2020-11-24T15:00:00Z hello\n');
    assert.equal((await run('logs', 'web', '--since', '1h30m')).stdout, '');
    await assert.rejects(run('logs', 'none'), { code: 'NOT_FOUND' });
    await assert.rejects(run('logs', 'web', '-c', 'none'), { code: 'NOT_FOUND', message: 'container "none" not found in pod "web-n1"' });
    await assert.rejects(run('logs', 'web', '--since', 'yesterday'), { code: 'USAGE' });
    await assert.rejects(run('logs', 'web', '--tail', 'x'), { code: 'USAGE', message: /--tail: "x" is not a whole number/ });
  });

  it('follows until the container has ended', async () => {
    const path = await node.addContainer('followed', {}, {});
    const { stdout, done } = start('logs', '-f', 'followed');
    await appendFile(path, '2020-11-24T15:00:00Z stdout F one\n');
    await eventually(() => assert.equal(stdout.text, 'one\n'));
    await appendFile(path, '2020-11-24T15:00:00Z stdout F two\n');
    node.setPhase('followed', 'exited');
    await done;
    assert.equal(stdout.text, 'one\ntwo\n');
  });

  it('describes a pod without obeying what it says', async () => {
    const { stdout } = await run('describe', 'broken');
    for (const line of [/^Name: +broken$/m, /^Status: +CrashLoopBackOff$/m, /^ {4}Runtime: +jco \(dedicated\)$/m, /^ {4}State: +Waiting$/m, /^ {6}Message: +back-off 40s\\u001b\[2J$/m, /^ {6}Exit Code: +134$/m, /^Volumes: {2}<none>$/m, /^Events:$/m, /Pulled {3}there$/m]) assert.match(stdout, line);
    const { pod, sandbox, events } = JSON.parse((await run('describe', 'broken', '-o', 'json')).stdout) as { pod: { metadata: { name: string } }; sandbox: { uid: string }; events: unknown[] };
    assert.deepEqual([pod.metadata.name, sandbox.uid, events.length], ['broken', 'uid-broken', 1]);
  });
});

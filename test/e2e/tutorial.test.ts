/** docs/guides/tutorial.md, typed in as it stands; its blocks share one shell, as a reader's would. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startControlPlane } from '../cluster/control-plane.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { executable, repository } from '../support/wasmlet-process.ts';
import { reasonToSkip } from './cluster.ts';

interface Block {
  readonly language: string;
  readonly section: string;
  readonly text: string;
}

/** The guide's fenced blocks, each under the heading that it stands under. */
function blocksOf(guide: string): readonly Block[] {
  let section = '';
  return [...guide.matchAll(/^## (.*)$|^```(.*)\n([^]*?)^```$/gm)].flatMap(([, heading, language, text]) => {
    if (heading !== undefined) section = heading;
    return text === undefined ? [] : [{ section, language: language!, text }];
  });
}

const guide = readFileSync(path.join(repository, 'docs', 'guides', 'tutorial.md'), 'utf8');

describe('the tutorial', { skip: await reasonToSkip('controllers', 'registry'), timeout: 300_000 }, () => {
  const blocks = blocksOf(guide);
  let directory: string;
  // Its node and its pods have fixed names: a cluster of its own.
  let cluster: ControlPlane;
  let environment: NodeJS.ProcessEnv;
  let node: ChildProcess | undefined;
  let nodeLog = '';

  before(async () => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-tutorial-'));
    cluster = await startControlPlane();
    const bin = path.join(directory, 'bin');
    mkdirSync(bin);
    symlinkSync(path.join(repository, 'examples'), path.join(directory, 'examples'));
    // `npx wasmlet` of a directory where wasmlet is installed: this checkout's.
    writeFileSync(path.join(bin, 'npx'), `#!/bin/sh\n[ "$1" = wasmlet ] || exit 127\nshift\nexec '${process.execPath}' '${executable}' "$@"\n`);
    chmodSync(path.join(bin, 'npx'), 0o755);
    symlinkSync(cluster.description.binaries.kubectl!, path.join(bin, 'kubectl'));
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('WASMLET_'));
    // Free ports, so that two runs can go on at once, and loopback, which is all that a test may use.
    const edge = { WASMLET_NODE_IP: '127.0.0.1', WASMLET_ADDRESS: '127.0.0.1', WASMLET_PORT: '0', WASMLET_HEALTHZ_PORT: '0' };
    environment = { ...Object.fromEntries(own), ...edge, HOME: directory, KUBECONFIG: cluster.kubeconfig, REGISTRY: cluster.registry!.address, PATH: `${bin}${path.delimiter}${process.env['PATH']}` };
  });
  after(async () => {
    if (node?.exitCode === null && node.signalCode === null) {
      node.kill('SIGTERM');
      await once(node, 'exit');
    }
    await cluster?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Runs a block to its end; stdout and stderr as a terminal shows them. */
  const type = async (text: string): Promise<string> => {
    // What a failed block leaves running would hold the pipes open.
    const script = `trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n${text}`;
    const shell = spawn('bash', ['-e', '-c', script], { cwd: directory, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [shell.stdout, shell.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    const [code] = (await once(shell, 'close')) as [number | null];
    assert.equal(code, 0, `${text}\n${output}\n${nodeLog.slice(-4000)}`);
    return output;
  };
  /** All of a section's blocks, in order; the node's runs on in the background. */
  const section = async (number: number): Promise<string> => {
    const own = blocks.filter(({ section: heading }) => heading.startsWith(`${number}. `));
    assert.ok(own.length > 0, `section ${number} has blocks`);
    let output = '';
    for (const { language, text } of own) {
      if (language !== 'sh node') output += await type(text);
      else {
        node = spawn('bash', ['-c', `exec ${text}`], { cwd: directory, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
        for (const stream of [node.stdout!, node.stderr!]) stream.setEncoding('utf8').on('data', (chunk: string) => (nodeLog += chunk));
      }
    }
    return output;
  };

  it('has nothing but blocks that this test runs', () => {
    assert.deepEqual([...new Set(blocks.map(({ language }) => language))].sort(), ['sh', 'sh node', 'sh setup']);
    assert.equal(blocks.filter(({ language }) => language === 'sh node').length, 1);
  });
  it('lets a node join', async () => {
    const output = await section(1);
    assert.match(output, /node\/wasm-1 condition met/);
    assert.match(output, /node-csr-\S+ .*kube-apiserver-client-kubelet .*Approved,Issued/);
    assert.match(output, /wasm-1 +Ready .*127\.0\.0\.1/);
  });
  it('pushes a program', async () => {
    const output = await section(2);
    assert.match(output, /sha256:[0-9a-f]{64}/);
    assert.match(output, /wasi_snapshot_preview1/);
    for (const runtime of ['wasi', 'node-wasi', 'wasmer']) assert.match(output, new RegExp(`\\b${runtime}\\b`));
  });
  it('runs it', async () => {
    const output = await section(3);
    const lines = output.split('\n');
    const phases = lines.flatMap((line) => /^hello +(Pending|Running|Succeeded|Failed)$/.exec(line)?.[1] ?? []);
    assert.deepEqual(phases.filter((phase, index) => phase !== phases[index - 1]), ['Pending', 'Running', 'Succeeded'], output);
    for (const line of ['hello from stdout!', 'hello from stderr!', 'NODE=wasm-1', 'GREETING=from wasm-1', 'one', 'two', '0']) assert.ok(lines.includes(line), `${line} in\n${output}`);
    assert.match(output, /Exit Code: +0/);
    for (const reason of ['Pulling', 'Pulled', 'Created', 'Started']) assert.match(output, new RegExp(`Normal +${reason} `));
  });
  it('refuses the runtime that is not allowed, and goes back', async () => {
    const output = await section(4);
    assert.match(output, /CreateContainerConfigError: .*wasmer.*not allowed/i);
    const pod = await cluster.kubectl(['get', 'pod', 'sleeper', '-o', 'jsonpath={.status.phase} {.status.containerStatuses[0].restartCount}']);
    assert.match(pod.stdout, /^Running [12]$/);
  });
  it('cleans up', async () => {
    const output = await section(5);
    assert.match(output, /pod "hello" deleted/);
    assert.match(output, /node "wasm-1" deleted/);
  });
});

/** The product as users install it: `npm pack`, `npm install` of the tarball into an empty directory, and `npx wasmlet`. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually, repository } from '../../support/wasmlet-process.ts';

let directory: string;
let app: string;

function npm(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8', env: { ...process.env, npm_config_prefer_offline: 'true' } });
  assert.equal(status, 0, `npm ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

function npx(...args: string[]) {
  const { status, stdout, stderr } = spawnSync('npx', ['--no-install', 'wasmlet', ...args], { cwd: app, encoding: 'utf8' });
  return { status, stdout, stderr };
}

before(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet package '));
  app = path.join(directory, 'my app');
  mkdirSync(app);
  npm(repository, 'pack', '--pack-destination', directory);
  writeFileSync(path.join(app, 'package.json'), '{"name":"my-app","version":"1.0.0","private":true}');
  const tarball = readdirSync(directory).find((name) => name.endsWith('.tgz'))!;
  npm(app, 'install', path.join(directory, tarball));
});
after(() => rmSync(directory, { recursive: true, force: true }));

describe('the packed product', () => {
  it('brings along nothing but Node', () => {
    assert.deepEqual(readdirSync(path.join(app, 'node_modules')).filter((name) => !name.startsWith('.')).sort(), [`node-linux-${process.arch}`, 'wasmlet']);
  });
  it('has all its plugins active', () => {
    const { status, stdout } = npx('plugins', '--output', 'json');
    assert.equal(status, 0, stdout);
    assert.deepEqual(new Set((JSON.parse(stdout) as { outcome: string }[]).map(({ outcome }) => outcome)), new Set(['active']));
  });
  it('runs the demo on all four runtimes', () => {
    const { status, stdout, stderr } = npx('demo');
    assert.equal(status, 0, stdout + stderr);
    for (const runtime of ['wasi', 'node-wasi', 'wasmer', 'jco']) assert.match(stdout, new RegExp(`GREETED_BY=${runtime}\n`));
  });
  it('runs the examples on a standalone node, and a third-party runtime from outside any checkout', async () => {
    const plugins = path.join(directory, 'plugins');
    const manifests = path.join(directory, 'manifests');
    const root = path.join(directory, 'root');
    cpSync(path.join(app, 'node_modules/wasmlet/examples/runtime-plugin'), path.join(plugins, 'runtime-plugin'), { recursive: true });
    cpSync(path.join(app, 'node_modules/wasmlet/examples/pods'), manifests, { recursive: true });
    const listed = JSON.parse(npx('plugins', '--plugins-dir', plugins, '--output', 'json').stdout) as { directory: string; runtimes: string[] }[];
    const runtime = listed.find((plugin) => plugin.directory.startsWith(plugins))!.runtimes[0]!;
    writeFileSync(path.join(manifests, 'third-party.yaml'), `apiVersion: v1
kind: Pod
metadata: { name: third-party, annotations: { wasmlet.dev/runtime: ${runtime} } }
spec: { restartPolicy: Never, containers: [{ name: hello, image: "wasmlet.dev/examples/hello:1" }] }
`);
    const node = spawn('npx', ['--no-install', 'wasmlet', 'node', '--standalone', '--manifests', manifests, '--plugins-dir', plugins, '--root-dir', root, '--node-name', 'packed'], { cwd: app, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let log = '';
    node.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    try {
      const pods = await eventually('every pod has succeeded', () => {
        const { status, stdout } = npx('ps', '--root-dir', root, '--output', 'json');
        if (status !== 0) return undefined;
        const { items } = JSON.parse(stdout) as { items: { metadata: { name: string }; status?: { phase?: string } }[] };
        return items.length === readdirSync(manifests).length && items.every((pod) => pod.status?.phase === 'Succeeded') ? items : undefined;
      }, 60).catch((error: unknown) => assert.fail(`${String(error)}\n${log}\n${npx('ps', '--root-dir', root).stdout}`));
      assert.equal(pods.length, readdirSync(manifests).length);
      assert.match(npx('logs', '--root-dir', root, 'third-party').stdout, /hello from stdout!/);
      assert.match(npx('describe', '--root-dir', root, 'third-party').stdout, new RegExp(runtime));
    } finally {
      // npx, its shell and the node are one process group.
      process.kill(-node.pid!, 'SIGTERM');
      await new Promise((resolve) => node.once('exit', resolve));
    }
  });
});

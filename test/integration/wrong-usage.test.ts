/** What is wrong with the command line itself ends with exit code 2, whichever flag it is. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { repository, wasmlet } from '../support/wasmlet-process.ts';

const hello = path.join(repository, 'examples/hello/hello.wasm');

const wrong: readonly (readonly string[])[] = [
  ['run', '--memory', 'much', hello],
  ['run', '--addr', 'here', hello],
  ['run', '--env', '=x', hello],
  ['run', '--dir', '/none', hello],
  ['run', '--plugins-dir', '/none', hello],
  ['inspect', '--plugins-dir', '/none', hello],
  ['plugins', '--plugins-dir', '/none'],
  ['bootstrap', '--ttl', 'long'],
  ['node', '--max-pods', 'many'],
  ['node', '--port', '70000'],
  ['node', '--log-level', 'loud'],
  ['node', '--register-with-taints', 'a=b'],
  ['node'],
  ['node', '--standalone'],
  ['node', '--standalone', '--manifests', '.', '--kubeconfig', 'k'],
  ['node', '--kubeconfig', 'k', '--tls-cert-file', 'c'],
  ['top', '--interval', '0'],
  ['logs', '--tail', 'x', 'pod'],
  ['inspect', '--output', 'yaml', hello],
  ['no-such-command'],
];

describe('wrong usage', { timeout: 60_000 }, () => {
  for (const args of wrong) {
    it(args.join(' ').replace(hello, 'hello.wasm'), async () => {
      const { code, stdout, stderr } = await wasmlet(args);
      assert.deepEqual([code, stdout], [2, ''], stderr);
    });
  }
});

it('inspect judges with third-party runtimes too', { timeout: 60_000 }, async () => {
  const { code, stdout } = await wasmlet(['inspect', '--plugins-dir', path.join(repository, 'examples/runtime-plugin'), '--output', 'json', hello]);
  assert.equal(code, 0);
  assert.ok((JSON.parse(stdout) as { runtimes: { name: string }[] }).runtimes.some(({ name }) => name === 'wasi-lite'), stdout);
});

/** Components that attack: handles, callbacks, growth by many modules; each on a real thread, and the node is as before. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Artifact } from '../../../core/api/artifact.ts';
import { inspect } from '../../../core/wasm/inspect.ts';
import { componentText } from './component-bed.ts';
import { JcoBed } from './jco-bed.ts';

let bed: JcoBed;
before(async () => {
  bed = await JcoBed.create();
});
after(() => bed.close());

const mebibyte = 1024 * 1024;

async function artifactOf(text: string): Promise<Artifact> {
  const bytes = await componentText(text);
  const digest = createHash('sha256').update(bytes).digest('hex');
  const file = path.join(bed.directory, `${digest}.wasm`);
  await writeFile(file, bytes);
  return { kind: 'component', digest: `sha256:${digest}`, path: file, name: 'hostile.wasm', sizeBytes: bytes.length, inspection: inspect(bytes) };
}

for (const leak of ['leak-pollables', 'leak-streams']) {
  test(`${leak}: handles count against the memory limit`, async () => {
    const { exit } = await bed.run('io', { argv: ['guest', leak], resources: { memoryBytes: 16 * mebibyte, descriptors: 64 } });
    assert.deepEqual([exit.reason, exit.code], ['OOMKilled', 137]);
  });
}

test('a cabi_realloc that never returns is killed like any loop', async () => {
  const artifact = await artifactOf(`(component
    (import "wasi:cli/environment@0.2.0" (instance $environment (export "get-arguments" (func (result (list string))))))
    (core module $store (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (loop $l (br $l)) (unreachable)))
    (core instance $store (instantiate $store))
    (alias core export $store "memory" (core memory $memory))
    (alias core export $store "realloc" (core func $realloc))
    (alias export $environment "get-arguments" (func $arguments))
    (core func $core-arguments (canon lower (func $arguments) (memory $memory) (realloc $realloc)))
    (core module $main (import "" "arguments" (func $arguments (param i32))) (func (export "run") (result i32) (call $arguments (i32.const 0)) (i32.const 0)))
    (core instance $main (instantiate $main (with "" (instance (export "arguments" (func $core-arguments))))))
    (alias core export $main "run" (core func $core-run))
    (func $run (result (result)) (canon lift (core func $core-run)))
    (instance $run (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $run)))`);
  const id = await bed.engine.start(artifact, { runtime: 'jco', argv: ['hostile'] });
  await bed.engine.running(id);
  await bed.engine.engine.stopContainer(id, 0);
  assert.equal((await bed.engine.ended(id)).exit?.code, 137);
});

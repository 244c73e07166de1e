import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { wat } from '../../../support/wat.ts';

const source = path.resolve(import.meta.dirname, '../../../../core/engine/prepare/compile-module.ts');

for (const name of ['compileModule', 'compileWholeModule']) {
  test(`a process that waits for ${name} alone does not end before it`, () => {
    const bytes = Buffer.from(wat(`(module ${'(func (local i32) (local.set 0 (i32.const 1)))'.repeat(20_000)})`)).toString('base64');
    const program = `import { ${name} } from ${JSON.stringify(source)};
      import { readFileSync } from 'node:fs';
      console.log(await ${name}(Buffer.from(readFileSync(0, 'utf8'), 'base64')));`;
    for (let round = 0; round < 5; round++) {
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { input: bytes, encoding: 'utf8' });
      assert.deepEqual([status, stdout], [0, 'WebAssembly.Module {}\n'], stderr);
    }
  });
}

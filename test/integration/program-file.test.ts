/** Programs that a user names on the command line: files, images in a directory, and what is neither. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { repository, wasmlet } from '../support/wasmlet-process.ts';

const hello = path.join(repository, 'examples/hello/hello.wasm');
let directory: string;
before(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-program-'));
  writeFileSync(path.join(directory, 'cut.wasm'), readFileSync(hello).subarray(0, 3000));
  writeFileSync(path.join(directory, 'text'), 'no program\n');
});
after(() => rmSync(directory, { recursive: true, force: true }));

describe('a program on the command line', { timeout: 60_000 }, () => {
  const refusals: readonly (readonly [file: string, message: RegExp])[] = [
    ['text', /^wasmlet: text is not WebAssembly: it does not begin with \\0asm\n$/],
    ['cut.wasm', /^wasmlet: cut\.wasm: malformed Wasm: .*\n$/],
    ['./none', /^wasmlet: there is no file \.\/none\n$/],
    ['.', /^wasmlet: \. is a directory, not a program\n$/],
  ];
  for (const command of ['run', 'inspect'] as const) {
    for (const [file, message] of refusals) {
      it(`is refused by ${command} in one line: ${file}`, async () => {
        const { code, stdout, stderr } = await wasmlet([command, file], { cwd: directory });
        assert.deepEqual([code, stdout], [1, '']);
        assert.match(stderr, message);
      });
    }
  }

  it('runs from an image layout too', async () => {
    const { code, stdout } = await wasmlet(['run', `oci-layout:${path.join(repository, 'examples/images')}:hello:1`, 'layout'], { env: { XDG_CACHE_HOME: directory } });
    assert.equal(code, 0);
    assert.match(stdout, /^hello from stdout!\nlayout\n$/);
  });

  it('refuses wrong usage with 2', async () => {
    const { code, stderr } = await wasmlet(['run', '--memory', '64Q', hello]);
    assert.deepEqual([code, stderr], [2, 'wasmlet: --memory: "64Q" is not a size such as 64Mi or 1G\n']);
  });
});

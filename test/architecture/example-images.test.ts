import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';

const examples = path.join(import.meta.dirname, '../../examples');

it('examples/images holds the programs of examples/hello', () => {
  for (const file of ['hello.wasm', 'hello.component.wasm']) {
    const digest = createHash('sha256').update(readFileSync(path.join(examples, 'hello', file))).digest('hex');
    assert.ok(existsSync(path.join(examples, 'images/blobs/sha256', digest)), `${file} has changed: run node examples/build-images.ts`);
  }
});

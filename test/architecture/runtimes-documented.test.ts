import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { renderRuntimesPage, runtimesPage } from '../conformance/runtimes-page.ts';

it('docs/reference/runtimes.md says what manifests and suites say (`node test/conformance/runtimes-page.ts` writes it)', () => {
  assert.equal(readFileSync(runtimesPage, 'utf8'), renderRuntimesPage());
});

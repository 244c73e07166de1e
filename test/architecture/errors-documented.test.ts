import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { errorTable } from '../../core/api/errors.ts';

it('every error has its row in docs/reference/errors.md, with reason and retry, and no other row stands there', () => {
  const page = readFileSync(path.join(import.meta.dirname, '../../docs/reference/errors.md'), 'utf8');
  const documented = [...page.matchAll(/^\| `(\w+)` \| (\w+) \| (yes|no) \| (.+) \|$/gm)].map(([, code, reason, retried, text]) => [code, reason, retried, text!.length > 20]);
  const expected = Object.entries(errorTable).map(([code, { reason, retry }]) => [code, reason, retry === 'backoff' ? 'yes' : 'no', true]);
  assert.deepEqual(documented, expected);
});

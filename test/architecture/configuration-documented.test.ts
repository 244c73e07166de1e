import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { configurationSchema } from '../../core/config/schema.ts';

it('every field of the configuration stands in docs/reference/configuration.md', () => {
  const page = readFileSync(path.join(import.meta.dirname, '../../docs/reference/configuration.md'), 'utf8');
  const fields = Object.keys(configurationSchema.properties).filter((field) => field !== 'apiVersion' && field !== 'kind');
  assert.deepEqual(fields.filter((field) => !page.includes(`\`${field}`)), []);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { selectStack } from '../../../core/pod/select-stack.ts';
import { podWith } from './support.ts';

const pod = podWith('Always', 'main');
const annotated = (stack: string) => ({ ...pod, metadata: { ...pod.metadata, annotations: { 'wasmlet.dev/stack': stack } } });
const artifact = { sizeBytes: 20_000 };
const overflowed = { exit: { code: 134, reason: 'Error', stackExhausted: true } } as const;

describe('selectStack', () => {
  test('gives a program of a few kilobytes a small one, a large one a deep one', () => {
    assert.deepEqual(selectStack({ pod, artifact, attempts: [] }), { stack: 'small', outgrown: false });
    assert.deepEqual(selectStack({ pod, artifact: { sizeBytes: 5_000_000 }, attempts: [] }), { stack: 'deep', outgrown: false });
  });

  test('gives a deep one after a small one was full, and says so once', () => {
    assert.deepEqual(selectStack({ pod, artifact, attempts: [overflowed] }), { stack: 'deep', outgrown: true });
    assert.deepEqual(selectStack({ pod, artifact, attempts: [overflowed, { ...overflowed, stack: 'deep' }] }), { stack: 'deep', outgrown: false });
    assert.deepEqual(selectStack({ pod, artifact, attempts: [{ exit: { code: 134, reason: 'Error' } }] }), { stack: 'small', outgrown: false });
  });

  test('takes the annotation at its word, and no other word', () => {
    assert.deepEqual(selectStack({ pod: annotated('deep'), artifact, attempts: [] }), { stack: 'deep', outgrown: false });
    assert.deepEqual(selectStack({ pod: annotated('small'), artifact: { sizeBytes: 5_000_000 }, attempts: [overflowed] }), { stack: 'small', outgrown: false });
    assert.throws(() => selectStack({ pod: annotated('huge'), artifact, attempts: [] }), { code: 'FIELD_INVALID', message: /"small" or "deep"/ });
  });
});

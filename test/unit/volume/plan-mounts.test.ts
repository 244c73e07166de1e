import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { planMounts } from '../../../core/volume/plan-mounts.ts';

const volumes = new Set(['v']);
const plan = (mount: object) => planMounts({ name: 'c', volumeMounts: [{ name: 'v', mountPath: '/x', ...mount }] }, volumes);

describe('planMounts', () => {
  it('gives guest path, sub-path and readOnly in their shortest form', () => {
    assert.deepEqual(plan({ mountPath: '/a//b/../c/', subPath: './d//e/', readOnly: true }), [{ guestPath: '/a/c', volume: 'v', subPath: 'd/e', readOnly: true }]);
    assert.deepEqual(plan({ mountPath: '/', subPath: '.' }), [{ guestPath: '/', volume: 'v', readOnly: false }]);
    assert.deepEqual(planMounts({ name: 'c' }, volumes), []);
  });
  it('names the field that is wrong', () => {
    assert.throws(() => plan({ mountPath: '' }), { code: 'FIELD_INVALID', message: /volumeMounts\[0\]\.mountPath/ });
    assert.throws(() => plan({ subPath: '/a' }), { code: 'FIELD_INVALID', message: /volumeMounts\[0\]\.subPath: Invalid value: "\/a": must be a relative path/ });
    assert.throws(() => plan({ subPath: 'a/../b' }), { code: 'FIELD_INVALID', message: /must not contain '\.\.'/ });
    assert.throws(() => plan({ subPath: 'a\0' }), { code: 'FIELD_INVALID' });
    assert.throws(() => plan({ subPathExpr: '$(X)' }), { code: 'FIELD_UNSUPPORTED' });
  });
  it('never lets a sub-path out', () => {
    const piece = fc.constantFrom('a', '.', '..', '', '...', '..a');
    fc.assert(fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      let subPath: string;
      try {
        subPath = plan({ subPath: pieces.join('/') })[0]?.subPath ?? '';
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'FIELD_INVALID');
        return;
      }
      assert.ok(path.join('/volume', subPath).startsWith('/volume'));
      assert.equal(subPath.split('/').includes('..'), false);
    }));
  });
});

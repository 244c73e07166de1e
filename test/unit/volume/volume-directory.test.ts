import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { typeOfDirectory, volumeDirectory } from '../../../core/volume/volume-directory.ts';

describe('volumeDirectory', () => {
  it('is upstream\'s layout, and its type can be read back', () => {
    for (const [type, name] of [['configMap', 'kubernetes.io~configmap'], ['emptyDir', 'kubernetes.io~empty-dir'], ['downwardAPI', 'kubernetes.io~downward-api'], ['secret', 'kubernetes.io~secret'], ['projected', 'kubernetes.io~projected'], ['third', 'kubernetes.io~third']] as const) {
      assert.equal(volumeDirectory('/pods', 'uid', type, 'v'), path.join('/pods/uid/volumes', name, 'v'));
      assert.equal(typeOfDirectory(name), type);
    }
    assert.equal(typeOfDirectory('lost+found'), undefined);
  });
  it('takes no name that is not one path component', () => {
    for (const name of ['', '.', '..', 'a/b', 'a\0']) {
      assert.throws(() => volumeDirectory('/pods', 'uid', 'emptyDir', name), { code: 'VOLUME_SOURCE_INVALID' });
      assert.throws(() => volumeDirectory('/pods', name, 'emptyDir', 'v'), { code: 'VOLUME_SOURCE_INVALID' });
    }
  });
});

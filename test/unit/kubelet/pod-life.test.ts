import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { KubeletRig, testPod } from '../../support/kubelet/kubelet-rig.ts';

describe('a pod', () => {
  let rig: KubeletRig;
  beforeEach(async () => {
    rig = await KubeletRig.create();
  });
  afterEach(() => rig.close());

  test('runs once and succeeds when its policy is Never and it exits 0', async () => {
    await rig.start();
    await rig.apply(testPod('hello', { restartPolicy: 'Never' }));
    assert.equal(rig.status('hello').phase, 'Running');
    await rig.exit('hello', 'main', 0);
    assert.equal(rig.api.pod('hello')?.status?.phase, 'Succeeded');
    assert.deepEqual(rig.engine.calls, ['run sandbox hello', 'create hello/main #0 on wasi']);
    assert.deepEqual(rig.fatal, []);
  });
});

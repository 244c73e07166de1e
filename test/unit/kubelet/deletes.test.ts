import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { WasmletError } from '../../../core/api/errors.ts';
import { KubeletRig, testPod } from '../../support/kubelet/kubelet-rig.ts';

const grace = 5;
const pod = (spec: object = {}) => testPod('p', { terminationGracePeriodSeconds: grace, ...spec });

describe('a pod that is deleted is gone within its grace', () => {
  let rig: KubeletRig;
  beforeEach(async () => {
    rig = await KubeletRig.create();
  });
  afterEach(() => rig.close());

  /** The object, the guest and every trace are gone, at most the grace and two seconds after. */
  async function assertGone(): Promise<void> {
    await rig.settle();
    await rig.advance((grace + 2) * 1000);
    assert.equal(rig.api.pod('p'), undefined);
    assert.deepEqual(rig.engine.listPodSandboxes(), []);
    assert.deepEqual(rig.api.released, ['uid-p']);
    assert.ok(rig.volumes.calls.includes('tear down uid-p'));
    assert.equal(rig.kubelet.find('default', 'p'), undefined);
    assert.deepEqual(rig.fatal, []);
  }

  test('while its volumes are missing', async () => {
    rig.volumes.error = new WasmletError('VOLUME_SOURCE_NOT_FOUND', 'MountVolume.SetUp failed for volume "v" : configmap "c" not found');
    await rig.start();
    await rig.apply(pod({ volumes: [{ name: 'v', configMap: { name: 'c' } }] }));
    assert.equal(rig.status('p').phase, 'Pending');
    rig.api.delete('p');
    await assertGone();
  });

  test('while its pull hangs', async () => {
    rig.images.hanging.add('registry.test/hello:v1');
    await rig.start();
    await rig.apply(pod());
    rig.api.delete('p');
    await assertGone();
    assert.equal(rig.engine.configs.size, 0);
  });

  test('in CreateContainerConfigError', async () => {
    await rig.start();
    await rig.apply(pod({ containers: [{ name: 'main', image: 'registry.test/hello:v1', env: [{ name: 'V', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }] }));
    assert.equal(rig.status('p').containerStatuses?.[0]?.state?.waiting?.message, 'secret "s" not found');
    rig.api.delete('p');
    await assertGone();
  });

  for (const obedient of [true, false]) {
    test(`Running, with a guest that ${obedient ? 'ends at once' : 'ignores the stop'}`, async () => {
      rig.engine.obedient = obedient;
      await rig.start();
      await rig.apply(pod());
      rig.api.delete('p');
      await assertGone();
      assert.equal(rig.api.statuses.at(-1)?.containerStatuses?.[0]?.state?.terminated?.exitCode, obedient ? 143 : 137);
      assert.deepEqual(rig.api.deletes, ['p']);
    });
  }

  test('in CrashLoopBackOff', async () => {
    await rig.start();
    await rig.apply(pod());
    await rig.exit('p', 'main', 1);
    await rig.exit('p', 'main', 1);
    assert.equal(rig.status('p').containerStatuses?.[0]?.state?.waiting?.reason, 'CrashLoopBackOff');
    rig.api.delete('p');
    await assertGone();
  });

  test('Succeeded', async () => {
    await rig.start();
    await rig.apply(pod({ restartPolicy: 'Never' }));
    await rig.exit('p', 'main', 0);
    rig.api.delete('p');
    await assertGone();
    assert.deepEqual(rig.api.deletes, [], 'the API server removes an ended pod itself');
  });

  test('by force, and its guest still has its grace', async () => {
    rig.engine.obedient = false;
    await rig.start();
    await rig.apply(pod());
    rig.api.delete('p', 0);
    await rig.advance(grace * 1000 - 1);
    assert.equal(rig.engine.listPodSandboxes()[0]?.containers[0]?.phase, 'running');
    await assertGone();
  });

  test('with the API away at the time', async () => {
    await rig.start();
    await rig.apply(pod());
    rig.api.up = false;
    rig.api.delete('p');
    await rig.advance(30_000);
    assert.equal(rig.status('p').phase, 'Running');
    rig.api.up = true;
    rig.api.sync();
    await assertGone();
  });

  test('with the API away while it ends', async () => {
    await rig.start();
    await rig.apply(pod());
    rig.api.delete('p');
    rig.api.up = false;
    await rig.advance(60_000);
    assert.ok(rig.api.pod('p'), 'its end has not been written, so the object stays');
    rig.api.up = true;
    await rig.advance(10_000);
    await assertGone();
  });

  test('with the node down at the time', async () => {
    await rig.start();
    await rig.apply(pod());
    rig.crash();
    rig.api.delete('p');
    await rig.start();
    await assertGone();
    assert.equal(rig.engine.configs.size, 1, 'it did not run again');
  });

  test('by vanishing from a relist', async () => {
    await rig.start();
    await rig.apply(pod());
    rig.api.remove('p');
    await assertGone();
  });

  test('and the same name created again starts only after it has ended', async () => {
    rig.engine.obedient = false;
    await rig.start();
    await rig.apply(pod());
    rig.api.remove('p');
    await rig.apply(testPod('p', {}, { uid: 'uid-2' }));
    assert.deepEqual(rig.engine.listPodSandboxes().map(({ uid }) => uid), ['uid-p']);
    await rig.advance(grace * 1000);
    assert.deepEqual(rig.engine.listPodSandboxes().map(({ uid }) => uid), ['uid-2']);
    assert.equal(rig.kubelet.find('default', 'p')?.status?.phase, 'Running');
  });

  test('before its first sync has returned', async () => {
    await rig.start();
    rig.api.apply(pod());
    rig.api.delete('p');
    await assertGone();
  });
});

describe('a pod whose UID comes back', () => {
  test('starts anew after its first life has ended', async () => {
    const rig = await KubeletRig.create();
    try {
      rig.engine.obedient = false;
      await rig.start();
      await rig.apply(pod({ restartPolicy: 'Never' }));
      rig.api.remove('p');
      await rig.apply(pod({ restartPolicy: 'Never' }));
      assert.equal(rig.engine.configs.size, 1);
      await rig.advance(grace * 1000);
      assert.equal(rig.engine.configs.size, 2);
      assert.equal(rig.status('p').phase, 'Running');
    } finally {
      await rig.close();
    }
  });
});

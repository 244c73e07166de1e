import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { KubeletRig, testPod } from '../../support/kubelet/kubelet-rig.ts';

let rig: KubeletRig;
beforeEach(async () => {
  rig = await KubeletRig.create();
  await rig.start();
});
afterEach(async () => {
  await rig.close();
  assert.deepEqual(rig.fatal, []);
});

const filling = (emptyDir: object) => testPod('p', { volumes: [{ name: 'scratch', emptyDir }] });

describe('a pod whose emptyDir is over its sizeLimit', () => {
  test('is evicted, and not started again', async () => {
    await rig.apply(filling({ sizeLimit: '1Mi' }));
    rig.volumes.bytes = 1024 ** 2;
    await rig.advance(25_000);
    assert.equal(rig.status('p').phase, 'Running');
    rig.volumes.bytes = 1024 ** 2 + 1;
    await rig.advance(10_000);
    const { phase, reason, message } = rig.status('p');
    assert.deepEqual({ phase, reason, message }, { phase: 'Failed', reason: 'Evicted', message: 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ' });
    assert.ok(rig.api.events.some((event) => event.startsWith('Warning Evicted: Usage of EmptyDir volume "scratch"') || event.includes('Evicted')), rig.api.events.join('\n'));
    const configs = rig.engine.configs.size;
    await rig.advance(120_000);
    assert.equal(rig.engine.configs.size, configs);
  });

  test('is not measured where there is no limit, or the file system holds it', async () => {
    rig.volumes.bytes = 1024 ** 3;
    await rig.apply(filling({}));
    await rig.apply(testPod('q', { volumes: [{ name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }] }));
    await rig.advance(30_000);
    assert.deepEqual(rig.volumes.calls.filter((call) => call.startsWith('measure')), []);
    assert.equal(rig.status('p').phase, 'Running');
  });
});

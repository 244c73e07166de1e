/** One pod on three runtimes and both isolation classes: each container keeps its own log, life and account. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { after, before, describe, it } from 'node:test';
import type { ContainerStatus, Pod } from '../../core/api/kubernetes.ts';
import { repository, wasmlet } from '../support/wasmlet-process.ts';
import { reasonToSkip } from './cluster.ts';
import { NodeBed } from './node-bed.ts';

const lasting = ['shared', 'node', 'component'];

interface Usage {
  readonly name?: string;
  readonly podRef?: { readonly name: string };
  readonly cpu: { readonly usageCoreNanoSeconds: number };
  readonly memory: { readonly workingSetBytes: number };
}

interface Summary {
  readonly pods: readonly (Usage & { readonly containers: readonly Usage[] })[];
}

describe('a pod of many kinds', { skip: await reasonToSkip('controllers', 'registry'), timeout: 120_000 }, () => {
  let bed: NodeBed;
  let pod: Pod;
  const statusOf = (name: string, { status }: Pod = pod): ContainerStatus => status!.containerStatuses!.find((container) => container.name === name)!;

  before(async () => {
    bed = await NodeBed.open({ name: 'mixed', configuration: { runtimes: { allowed: ['wasi', 'jco', 'node-wasi'] } } });
    const component = await bed.push('component', path.join(repository, 'examples', 'hello', 'hello.component.wasm'));
    const sleep = { name: 'HELLO_SLEEP_MS', value: '3600000' };
    await bed.createPod('mixed', {
      annotations: { 'wasmlet.dev/isolation': 'shared', 'runtime.wasmlet.dev/node': 'node-wasi' },
      spec: {
        restartPolicy: 'Always',
        containers: [
          { name: 'shared', image: bed.image('hello'), args: ['i-am-shared'], env: [sleep] },
          { name: 'node', image: bed.image('hello'), args: ['i-am-node'], env: [sleep] },
          { name: 'component', image: component, args: ['i-am-component'], env: [sleep] },
          { name: 'crasher', args: ['sleep(ms:500)', 'exit(code:3)'] },
        ],
      },
    });
    pod = await bed.podThat('mixed', 'runs', (now) => now.status?.containerStatuses !== undefined && lasting.every((name) => statusOf(name, now).state?.running));
  });
  after(() => bed?.close());

  it('runs each where it can, and says whom it could not put on a shared thread', async () => {
    const { stdout } = await wasmlet(['describe', 'mixed', '-n', bed.namespace, '--root-dir', bed.node.rootDirectory]);
    const runtimes = [...stdout.matchAll(/^ {2}(\S+):\n(?: {4}.*\n)*? {4}Runtime: +(.*)$/gm)].map(([, name, runtime]) => [name, runtime]);
    assert.deepEqual(runtimes, [['shared', 'wasi (shared)'], ['node', 'node-wasi (dedicated)'], ['component', 'jco (dedicated)'], ['crasher', 'wasi (shared)']]);
    const events = await bed.kubectl(['get', 'events', '--field-selector', 'involvedObject.name=mixed,reason=IsolationDedicated', '-o', 'jsonpath={range .items[*]}{.involvedObject.fieldPath} {.message}{"\\n"}{end}']);
    const why = 'Container gets a thread of its own in place of a shared one: the runtime';
    assert.deepEqual(events.trim().split('\n').sort(), [`spec.containers{component} ${why} jco does not offer it`, `spec.containers{node} ${why} node-wasi does not offer it`]);
  });

  it('keeps their logs apart', async () => {
    for (const name of lasting) assert.match(await bed.logs('mixed', '-c', name), new RegExp(`^hello from stdout!\n(.*\n)*i-am-${name}\n$`));
    assert.equal(await bed.logs('mixed', '-c', 'crasher'), "INF: Let's wasmercise!\n");
  });

  it('accounts for each, and for the pod as their sum', async () => {
    const [usage] = await usages();
    const { containers } = usage!;
    const sum = (value: (one: Usage) => number): number => containers.reduce((total, one) => total + value(one), 0);
    assert.equal(usage!.cpu.usageCoreNanoSeconds, sum(({ cpu }) => cpu.usageCoreNanoSeconds));
    assert.equal(usage!.memory.workingSetBytes, sum(({ memory }) => memory.workingSetBytes));
    for (const name of lasting) {
      const own = containers.find((one) => one.name === name)!;
      assert.ok(own.cpu.usageCoreNanoSeconds > 0 && own.memory.workingSetBytes >= 65_536, JSON.stringify(own));
    }
  });

  it('restarts one, and touches no other', async () => {
    const later = await bed.podThat('mixed', 'has restarted the one that crashes', (now) => statusOf('crasher', now).restartCount > 0);
    assert.equal(statusOf('crasher', later).lastState?.terminated?.exitCode, 3);
    for (const name of lasting) assert.deepEqual(statusOf(name, later), statusOf(name));
  });

  async function usages(): Promise<Summary['pods']> {
    const { pki } = bed.cluster;
    const port = await bed.kubectl(['get', 'node', bed.name, '-o', 'jsonpath={.status.daemonEndpoints.kubeletEndpoint.Port}']);
    const [cert, key] = ['crt', 'key'].map((kind) => readFileSync(path.join(pki, `kubelet-client.${kind}`), 'utf8'));
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ host: '127.0.0.1', port, path: '/stats/summary', agent: false, rejectUnauthorized: false, cert, key }, resolve).on('error', reject).end();
    });
    return ((await json(response)) as Summary).pods;
  }
});

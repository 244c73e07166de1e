/** Pods that serve, reached from outside: TCP on both isolation classes, HTTP, and what their deletion leaves of a request. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { Pod } from '../../core/api/kubernetes.ts';
import { freePorts } from '../cluster/free-ports.ts';
import { socketFixtures } from '../support/socket-bed.ts';
import { eventually, repository } from '../support/wasmlet-process.ts';
import { reasonToSkip } from './cluster.ts';
import { NodeBed } from './node-bed.ts';

describe('a pod that serves', { skip: await reasonToSkip('controllers', 'registry'), timeout: 120_000 }, () => {
  let bed: NodeBed;
  let echo: string;
  let proxy: string;
  before(async () => {
    bed = await NodeBed.open({ name: 'services' });
    echo = await bed.push('echo', path.join(socketFixtures, 'echo.wasm'));
    proxy = await bed.push('proxy', path.join(repository, 'test', 'fixtures', 'http-service', 'proxy.wasm'));
  });
  after(() => bed?.close());

  const running = (name: string): Promise<Pod> => bed.podThat(name, 'runs', ({ status }) => status?.containerStatuses?.every(({ state }) => state?.running));
  const saidBack = async (host: string, port: number, line: string): Promise<string> => {
    const client = connect({ host, port, allowHalfOpen: true });
    client.end(line);
    return text(client);
  };

  for (const isolation of ['dedicated', 'shared']) {
    it(`answers at podIP:containerPort and at its hostPort, ${isolation}`, async () => {
      const [containerPort, hostPort] = await freePorts(2) as [number, number];
      const annotations = { 'wasmlet.dev/isolation': isolation };
      await bed.createPod(isolation, { annotations, spec: { containers: [{ name: 'main', image: echo, ports: [{ containerPort, hostPort }] }] } });
      const { status } = await running(isolation);
      assert.equal(await saidBack(status!.podIP!, containerPort, 'pod'), 'pod');
      assert.equal(await saidBack(status!.hostIP!, hostPort, 'host'), 'host');
    });
  }

  it('answers HTTP on each of its ports, and what has begun also after its deletion', async () => {
    const ports = await freePorts(2);
    await bed.createPod('http', { spec: { terminationGracePeriodSeconds: 20, containers: [{ name: 'main', image: proxy, ports: ports.map((containerPort) => ({ containerPort })) }] } });
    const { status } = await running('http');
    const get = (port: number, what: string): Promise<string> => fetch(`http://${status!.podIP}:${port}/${what}`).then((response) => response.text());
    assert.deepEqual(await Promise.all(ports.map((port) => get(port, 'hello'))), ['hello\n', 'hello\n']);

    const begun = get(ports[0]!, 'wait/2000');
    // It has begun when one that came after it has been answered.
    await get(ports[0]!, 'hello');
    await bed.kubectl(['delete', 'pod', 'http', '--wait=false']);
    await eventually('nobody is taken any more', () => get(ports[1]!, 'hello').then(() => false, () => true));
    assert.equal(await begun, 'waited');
    await bed.kubectl(['wait', '--for=delete', 'pod/http', '--timeout=20s']);
  });

  it('HTTP without a port is told to declare one', async () => {
    await bed.createPod('portless', { spec: { containers: [{ name: 'main', image: proxy }] } });
    const pod = await bed.podThat('portless', 'waits', ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError');
    const told = /the program is an HTTP service, and container main declares no TCP port to serve it on: give it one, such as ports: \[\{containerPort: 8080\}\]/;
    assert.match(pod.status!.containerStatuses![0]!.state!.waiting!.message!, told);
    assert.match(await bed.kubectl(['get', 'events', '--field-selector', 'involvedObject.name=portless,reason=Failed']), told);
  });

  it('cannot be forwarded to, nor entered, and says so', async () => {
    await bed.createPod('closed', { spec: { containers: [{ name: 'main', args: ['sleep(ms:3600000)'] }] } });
    await running('closed');
    for (const [command, ...args] of [['port-forward', 'closed', ':80'], ['exec', 'closed', '--', 'ls'], ['attach', 'closed']]) {
      await assert.rejects(bed.kubectl([command!, ...args]), new RegExp(`${command} is not supported by this node yet: its containers are WebAssembly`));
    }
  });
});

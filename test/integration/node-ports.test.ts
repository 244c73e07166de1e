/** Pods that serve TCP on a whole node, and what the second one is told that wants the same port. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { startRegistryFake } from '../support/registry-fake/registry-fake.ts';
import type { RegistryFake } from '../support/registry-fake/registry-fake.ts';
import { socketFixtures } from '../support/socket-bed.ts';
import { eventually, startNode, wasmlet } from '../support/wasmlet-process.ts';
import type { NodeProcess } from '../support/wasmlet-process.ts';

describe('a pod with a TCP port', { timeout: 60_000 }, () => {
  let directory: string;
  let registry: RegistryFake;
  let node: NodeProcess;
  let port: number;

  before(async () => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-ports-'));
    mkdirSync(path.join(directory, 'pods'));
    registry = await startRegistryFake();
    registry.addImage('test/echo', {
      config: { mediaType: 'application/vnd.wasm.config.v0+json', bytes: Buffer.from('{}') },
      layers: [{ mediaType: 'application/wasm', bytes: readFileSync(path.join(socketFixtures, 'echo.wasm')) }],
    });
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    ({ port } = free.address() as AddressInfo);
    free.close();
    node = startNode({ directory: path.join(directory, 'node'), name: 'ports', args: ['--standalone', '--manifests', path.join(directory, 'pods')] });
  });
  after(async () => {
    await node?.stop();
    await registry?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** In one step: the node must not read half a manifest. */
  const place = (name: string): void => {
    const pod = {
      apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' },
      spec: { containers: [{ name: 'server', image: `${registry.address}/test/echo:1`, ports: [{ containerPort: port }] }], terminationGracePeriodSeconds: 1 },
    };
    writeFileSync(path.join(directory, `${name}.json`), JSON.stringify(pod));
    renameSync(path.join(directory, `${name}.json`), path.join(directory, 'pods', `${name}.json`));
  };
  const describePod = async (name: string): Promise<string> => (await wasmlet(['describe', `${name}-ports`, '--root-dir', node.rootDirectory])).stdout;
  const echo = async (line: string): Promise<string> => {
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    client.end(line);
    return text(client);
  };

  it('serves at podIP:port; another one with that port waits, is told who has it, and serves when the first is gone', async () => {
    place('first');
    assert.equal(await eventually('the first pod answers', () => echo('hello')), 'hello');
    place('second');
    const message = `TCP port ${port} at 127.0.0.1 is in use by container server of pod default/first-ports`;
    const waiting = await eventually('the second pod says why it waits', async () => {
      const description = await describePod('second');
      return description.includes(message) && description;
    });
    assert.match(waiting, /^ +State: +Waiting\n +Reason: +RunContainerError$/m);
    rmSync(path.join(directory, 'pods', 'first.json'));
    await eventually('the second pod runs', async () => /^ +State: +Running$/m.test(await describePod('second')), 40);
    assert.equal(await echo('again'), 'again');
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Container } from '../../../core/api/kubernetes.ts';
import { containerPorts, explainUnservedPorts } from '../../../core/pod/container-ports.ts';
import { testPod } from './support.ts';

const container = (...ports: NonNullable<Container['ports']>): Container => ({ name: 'main', image: 'i', ports });
const at = (...addresses: string[]) => addresses.map((text) => ({ address: text.slice(0, text.lastIndexOf(':')), port: Number(text.slice(text.lastIndexOf(':') + 1)) }));

describe('the ports of a container', () => {
  const table: Readonly<Record<string, { ports: NonNullable<Container['ports']>; podIPs?: string[]; expected: ReturnType<typeof containerPorts> }>> = {
    'are listened on at the pod’s address, in order': {
      ports: [{ name: 'web', containerPort: 8080 }, { containerPort: 80, protocol: 'TCP' }],
      expected: [{ name: 'web', port: 8080, addresses: at('10.0.0.1:8080') }, { name: '', port: 80, addresses: at('10.0.0.1:80') }],
    },
    'are listened on at each address of the pod': { ports: [{ containerPort: 80 }], podIPs: ['10.0.0.1', 'fd00::1'], expected: [{ name: '', port: 80, addresses: at('10.0.0.1:80', 'fd00::1:80') }] },
    'are those of TCP': { ports: [{ containerPort: 53, protocol: 'UDP' }, { containerPort: 53 }, { containerPort: 99, protocol: 'SCTP' }], expected: [{ name: '', port: 53, addresses: at('10.0.0.1:53') }] },
    'have a host port beside their own': { ports: [{ containerPort: 80, hostPort: 8080 }], expected: [{ name: '', port: 80, addresses: at('0.0.0.0:8080', '10.0.0.1:80') }] },
    'have a host port in each family': {
      ports: [{ containerPort: 80, hostPort: 8080 }],
      podIPs: ['10.0.0.1', 'fd00::1'],
      expected: [{ name: '', port: 80, addresses: at('0.0.0.0:8080', ':::8080', '10.0.0.1:80', 'fd00::1:80') }],
    },
    'are not listened on twice where the host port is the same': { ports: [{ containerPort: 80, hostPort: 80 }], expected: [{ name: '', port: 80, addresses: at('0.0.0.0:80') }] },
    'have a host port at one address': { ports: [{ containerPort: 80, hostPort: 80, hostIP: '127.0.0.1' }], expected: [{ name: '', port: 80, addresses: at('127.0.0.1:80', '10.0.0.1:80') }] },
    'may be none': { ports: [], expected: [] },
  };
  for (const [what, { ports, podIPs = ['10.0.0.1'], expected }] of Object.entries(table)) test(what, () => assert.deepEqual(containerPorts(container(...ports), podIPs), expected));
});

test('ports of other protocols are named, all of them', () => {
  assert.equal(explainUnservedPorts(testPod('p', { containers: [container({ containerPort: 80 })] })), undefined);
  assert.equal(explainUnservedPorts(testPod('p', { containers: [{ name: 'plain', image: 'i' }] })), undefined);
  assert.equal(
    explainUnservedPorts(testPod('p', { containers: [container({ containerPort: 53, protocol: 'UDP' }, { containerPort: 80 }, { containerPort: 9, protocol: 'SCTP' })] })),
    'only TCP ports are listened on, nothing will be received on UDP 53 of container main, SCTP 9 of container main',
  );
});

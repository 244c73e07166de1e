import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { cpuQuotaMillis, parseCpuMax } from '../../../core/kube/node/cgroup-cpu-quota.ts';
import { defaultInterface, defaultInterface6, osImage, readMachine } from '../../../core/kube/node/machine.ts';
import { chooseNodeAddresses } from '../../../core/kube/node/node-addresses.ts';
import type { AddressInput } from '../../../core/kube/node/node-addresses.ts';
import { conditionEvents, nodeConditions } from '../../../core/kube/node/node-conditions.ts';
import { newNode, reservation } from '../../../core/kube/node/node-object.ts';
import { nodeDescription } from '../../support/node-description.ts';

const calm = { memory: false, disk: false, pid: false };

describe('the node object', () => {
  it('has the labels, taints and versions that the cluster selects by', () => {
    const { labels, taints, status } = nodeDescription({ labels: { zone: 'a', 'kubernetes.io/os': 'linux', 'wasmlet.dev/runtime-wasi': 'no' }, runtimes: ['wasi', 'jco'] });
    assert.deepEqual(labels, {
      'kubernetes.io/arch': 'wasm32-wasi',
      'kubernetes.io/os': 'linux',
      'beta.kubernetes.io/arch': 'wasm32-wasi',
      'beta.kubernetes.io/os': 'wasm32-wasi',
      type: 'krustlet',
      zone: 'a',
      'kubernetes.io/hostname': 'wasm-1',
      'wasmlet.dev/runtime-wasi': 'true',
      'wasmlet.dev/runtime-jco': 'true',
    });
    assert.deepEqual(taints.map(({ key, effect }) => `${key}:${effect}`), ['kubernetes.io/arch:NoSchedule', 'kubernetes.io/arch:NoExecute']);
    assert.equal(status.nodeInfo?.containerRuntimeVersion, 'wasmlet://0.1.0');
    assert.equal(status.nodeInfo?.architecture, 'wasm-wasi');
    assert.equal(status.daemonEndpoints?.kubeletEndpoint?.Port, 10250);
  });

  it('withholds what is reserved, and never offers less than nothing', () => {
    const reserved = reservation({ cpu: '500m', memory: '1Gi' }, { memory: '512Mi', 'ephemeral-storage': '1Gi' });
    const { status } = nodeDescription({ reserved, machine: { ...machine, cpuMillis: 1500 } });
    assert.deepEqual(status.capacity, { cpu: '1500m', memory: '4194304Ki', pods: '110', 'ephemeral-storage': '104857600Ki' });
    assert.deepEqual(status.allocatable, { cpu: '1', memory: '2621440Ki', pods: '110', 'ephemeral-storage': '106300440576' });
    assert.equal(nodeDescription({ reserved: { ...reserved, memoryBytes: 2 ** 50 } }).status.allocatable?.['memory'], '0Ki');
    assert.throws(() => reservation({ cpu: 'many' }));
  });

  it('declares features sorted and once, as the API server demands', () => {
    assert.deepEqual(nodeDescription({ declaredFeatures: ['B', 'A', 'B'] }).status.declaredFeatures, ['A', 'B']);
  });

  it('names the fifty largest images, digests first', () => {
    const images = Array.from({ length: 60 }, (_, index) => ({ names: [`i${index}:1`, `i${index}@sha256:x`, 'c', 'd', 'e', 'f'], sizeBytes: index }));
    const listed = nodeDescription({ images }).status.images!;
    assert.equal(listed.length, 50);
    assert.deepEqual(listed[0], { names: ['i59@sha256:x', 'c', 'd', 'e', 'f'], sizeBytes: 59 });
  });

  it('is born cordoned when it was', () => {
    const description = nodeDescription({ providerID: 'cloud://1' });
    assert.deepEqual(newNode(description, description.status, true).spec, { taints: description.taints, providerID: 'cloud://1', unschedulable: true });
    assert.equal(newNode(description, description.status, false).spec?.unschedulable, undefined);
  });
});

const machine = { cpuMillis: 2000, memoryBytes: 4 * 1024 ** 3, kernelVersion: '', osImage: '', machineID: '', systemUUID: '', bootID: '', hostname: 'h' };

describe('node conditions', () => {
  it('move their transition time only with the status', () => {
    const first = nodeConditions({ pressure: calm, notReady: ['PLEG is old', 'disk gone'] }, [], 1_000);
    assert.deepEqual(first.map(({ type, status, reason }) => `${type}=${status} ${reason}`), [
      'MemoryPressure=False KubeletHasSufficientMemory',
      'DiskPressure=False KubeletHasNoDiskPressure',
      'PIDPressure=False KubeletHasSufficientPID',
      'Ready=False KubeletNotReady',
    ]);
    assert.equal(first[3]?.message, 'PLEG is old, disk gone');
    const second = nodeConditions({ pressure: { ...calm, disk: true }, notReady: [] }, first, 5_500);
    assert.deepEqual(second.map(({ lastTransitionTime, lastHeartbeatTime }) => [lastTransitionTime, lastHeartbeatTime]), [
      ['1970-01-01T00:00:01Z', '1970-01-01T00:00:05Z'],
      ['1970-01-01T00:00:05Z', '1970-01-01T00:00:05Z'],
      ['1970-01-01T00:00:01Z', '1970-01-01T00:00:05Z'],
      ['1970-01-01T00:00:05Z', '1970-01-01T00:00:05Z'],
    ]);
    assert.deepEqual(conditionEvents('n', first, second), [
      { reason: 'NodeHasDiskPressure', message: 'Node n status is now: NodeHasDiskPressure' },
      { reason: 'NodeReady', message: 'Node n status is now: NodeReady' },
    ]);
    assert.deepEqual(conditionEvents('n', second, second), []);
  });
});

describe('node addresses', () => {
  const interfaces = [
    { interface: 'lo', address: '127.0.0.1', family: 'IPv4', internal: true },
    { interface: 'eth0', address: '192.0.2.7', family: 'IPv4', internal: false },
    { interface: 'eth0', address: '2001:db8::7', family: 'IPv6', internal: false },
    { interface: 'eth0', address: 'fe80::1', family: 'IPv6', internal: false },
    { interface: 'eth1', address: '198.51.100.7', family: 'IPv4', internal: false },
  ] as const;
  const choose = (input: Partial<AddressInput>) =>
    chooseNodeAddresses({ nodeIP: undefined, nodeName: 'n', hostname: 'h', interfaces, defaultInterface: 'eth0', lookup: () => Promise.reject(new Error('ENOTFOUND')), ...input });

  const cases: readonly (readonly [string, Partial<AddressInput>, readonly string[]])[] = [
    ['the configured one', { nodeIP: '198.51.100.7' }, ['198.51.100.7']],
    ['two of different families', { nodeIP: '192.0.2.7, 2001:db8::7' }, ['192.0.2.7', '2001:db8::7']],
    ['an explicit loopback', { nodeIP: '127.0.0.1' }, ['127.0.0.1']],
    ['an IPv6 address written otherwise', { nodeIP: '2001:DB8:0::7' }, ['2001:DB8:0::7']],
    ['the hostname that is an address', { hostname: '198.51.100.7' }, ['198.51.100.7']],
    ['what the name resolves to, if it is here', { lookup: async () => ['203.0.113.1', '127.0.1.1', '198.51.100.7'] }, ['198.51.100.7']],
    ['the default route', {}, ['192.0.2.7']],
  ];
  for (const [what, input, ips] of cases) {
    it(`are ${what}`, async () => {
      const chosen = await choose(input);
      assert.deepEqual(chosen.ips, ips);
      assert.deepEqual(chosen.addresses.at(-1), { type: 'Hostname', address: input.hostname ?? 'h' });
      assert.equal(chosen.loopback, ips[0] === '127.0.0.1');
    });
  }

  const refused: readonly (readonly [string, Partial<AddressInput>, RegExp])[] = [
    ['one of another machine', { nodeIP: '203.0.113.1' }, /on none of this machine's interfaces/],
    ['multicast', { nodeIP: '224.0.0.1' }, /a multicast address/],
    ['link-local', { nodeIP: 'fe80::1' }, /a link-local address/],
    ['unspecified', { nodeIP: '0.0.0.0' }, /the unspecified address/],
    ['no address', { nodeIP: 'host' }, /is not an IP address/],
    ['two of one family', { nodeIP: '192.0.2.7,198.51.100.7' }, /two of different families/],
    ['nothing to go by', { defaultInterface: undefined }, /ENOTFOUND.*--node-ip/],
  ];
  for (const [what, input, message] of refused) it(`are not ${what}`, () => assert.rejects(choose(input), message));
});

describe('the machine', () => {
  it('finds the default route with the lowest metric', () => {
    const table = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\nwlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\neth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\neth1\t00000000\t010200C0\t0002\t0\t0\t0\t00000000\neth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\n';
    assert.equal(defaultInterface(table), 'eth0');
    assert.equal(defaultInterface(''), undefined);
    const zero = '0'.repeat(32);
    assert.equal(defaultInterface6(`${zero} 00 ${zero} 00 ${zero} ffffffff 1 0 00200200 lo\n${zero} 00 ${zero} 00 ${zero} 00000400 1 0 00000003 eth0\n`), 'eth0');
  });

  it('reads the name of the system', () => {
    assert.equal(osImage('NAME="x"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'), 'Debian GNU/Linux 12 (bookworm)');
    assert.equal(osImage(''), 'Linux');
  });

  it('takes the tightest CPU quota of its cgroup and its parents', async () => {
    assert.deepEqual([parseCpuMax('150000 100000\n'), parseCpuMax('max 100000'), parseCpuMax('-1 100000'), parseCpuMax(undefined)], [1500, undefined, undefined, undefined]);
    const root = await mkdtemp(join(tmpdir(), 'machine-'));
    try {
      await mkdir(join(root, 'proc/self'), { recursive: true });
      await mkdir(join(root, 'sys/fs/cgroup/a/b'), { recursive: true });
      await writeFile(join(root, 'proc/self/cgroup'), '0::/a/b\n');
      await writeFile(join(root, 'sys/fs/cgroup/a/b/cpu.max'), 'max 100000\n');
      await writeFile(join(root, 'sys/fs/cgroup/a/cpu.max'), '50000 100000\n');
      assert.equal(await cpuQuotaMillis(root), 500);
      await writeFile(join(root, 'proc/self/cgroup'), '3:cpu,cpuacct:/\n');
      await mkdir(join(root, 'sys/fs/cgroup/cpu'), { recursive: true });
      await writeFile(join(root, 'sys/fs/cgroup/cpu/cpu.cfs_quota_us'), '250000\n');
      await writeFile(join(root, 'sys/fs/cgroup/cpu/cpu.cfs_period_us'), '100000\n');
      assert.equal(await cpuQuotaMillis(root), 2500);
      await mkdir(join(root, 'etc'));
      await writeFile(join(root, 'etc/machine-id'), 'abc\n');
      const machineFacts = await readMachine(root);
      assert.deepEqual([machineFacts.machineID, machineFacts.systemUUID, machineFacts.bootID, machineFacts.osImage], ['abc', 'abc', '', 'Linux']);
      assert.ok(machineFacts.memoryBytes > 0 && machineFacts.cpuMillis > 0);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});

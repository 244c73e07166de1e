import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressProhibited, NetworkPolicy } from '../../../runtimes/jco/network/network-policy.ts';

const node = ['192.0.2.10', '2001:db8::10'];
const permitted = (policy: NetworkPolicy, ...addresses: string[]): boolean[] => addresses.map((address) => policy.permits(address));

test('nothing may be reached unless the node\'s configuration says so', () => {
  const policy = new NetworkPolicy(undefined, node);
  assert.equal(policy.outgoing, false);
  assert.deepEqual(permitted(policy, '203.0.113.1', '127.0.0.1', '2001:db8::1'), [false, false, false]);
});

test('outgoing reaches the world, and not the node, its loopback or metadata services', () => {
  const policy = new NetworkPolicy({ outgoing: true }, node);
  assert.deepEqual(permitted(policy, '203.0.113.1', '10.96.0.1', '2001:db8::1'), [true, true, true]);
  assert.deepEqual(permitted(policy, '127.0.0.1', '127.9.9.9', '0.0.0.0', '169.254.169.254', '100.100.100.200', '224.0.0.1', '255.255.255.255', ...node), Array(9).fill(false));
  assert.deepEqual(permitted(policy, '::1', '::', 'fe80::1', 'fd00:ec2::254', 'ff02::1'), Array(5).fill(false));
});

test('an IPv4 address inside an IPv6 one is the same address', () => {
  const policy = new NetworkPolicy({ outgoing: true }, node);
  assert.deepEqual(permitted(policy, '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::a9fe:a9fe', '::ffff:203.0.113.1'), [false, false, false, true]);
});

test('allow opens what it names and nothing else; deny closes', () => {
  const narrow = new NetworkPolicy({ allow: ['127.0.0.1', '10.0.0.0/8'] }, node);
  assert.deepEqual(permitted(narrow, '127.0.0.1', '127.0.0.2', '10.1.2.3', '203.0.113.1'), [true, false, true, false]);
  const wide = new NetworkPolicy({ outgoing: true, deny: ['10.0.0.0/8'], allow: ['10.1.0.0/16'] }, node);
  assert.deepEqual(permitted(wide, '10.0.0.1', '10.1.0.1', '203.0.113.1'), [false, true, true]);
});

test('a name that leads to what may not be reached is prohibited', async () => {
  await assert.rejects(new NetworkPolicy({ outgoing: true }, node).resolve('localhost'), AddressProhibited);
  assert.deepEqual(await new NetworkPolicy({ allow: ['127.0.0.1'] }, node).resolve('127.0.0.1'), [{ address: '127.0.0.1', family: 4 }]);
});

test('what is no range is refused', () => {
  assert.throws(() => new NetworkPolicy({ allow: ['example.com'] }, node), RangeError);
});

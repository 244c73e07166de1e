/** Which addresses the node reports (contract: kubelet's nodestatus.NodeAddress). */
import { BlockList, isIP } from 'node:net';
import { WasmletError, messageOf } from '../../api/errors.ts';
import type { NodeAddress } from '../../api/kubernetes.ts';
import type { NetworkAddress } from './machine.ts';

export interface AddressInput {
  /** Configured: one address, or two of different families with a comma. */
  readonly nodeIP: string | undefined;
  readonly nodeName: string;
  readonly hostname: string;
  readonly interfaces: readonly NetworkAddress[];
  readonly defaultInterface: string | undefined;
  /** All addresses of a name; may throw. */
  readonly lookup: (name: string) => Promise<readonly string[]>;
}

export interface NodeAddresses {
  readonly addresses: readonly NodeAddress[];
  /** The InternalIPs, primary first. */
  readonly ips: readonly string[];
  /** The address is a loopback: nothing outside this machine can reach the node or its pods. */
  readonly loopback: boolean;
}

/** The configured address → the hostname, if it is one → DNS of the node's name → the default route's interface. Throws ADDRESS_UNUSABLE. */
export async function chooseNodeAddresses(input: AddressInput): Promise<NodeAddresses> {
  const ips = input.nodeIP === undefined ? await detect(input) : input.nodeIP.split(',').map((text) => configured(text.trim(), input.interfaces));
  if (ips.length > 2 || (ips.length === 2 && isIP(ips[0]!) === isIP(ips[1]!))) {
    throw new WasmletError('ADDRESS_UNUSABLE', `node IP ${ips.join(',')}: give one address, or two of different families`);
  }
  const addresses = [...ips.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: input.hostname }];
  return { addresses, ips, loopback: isLoopback(ips[0]!) };
}

/** An explicit loopback is taken: a node for one machine is a good thing to try out. */
function configured(address: string, interfaces: readonly NetworkAddress[]): string {
  if (isIP(address) === 0) throw new WasmletError('ADDRESS_UNUSABLE', `node IP ${JSON.stringify(address)} is not an IP address`);
  const fault = unusable(address);
  if (fault !== undefined) throw new WasmletError('ADDRESS_UNUSABLE', `node IP ${address} is ${fault}`);
  if (!isLoopback(address) && !onHost(address, interfaces)) throw new WasmletError('ADDRESS_UNUSABLE', `node IP ${address} is on none of this machine's interfaces`);
  return address;
}

async function detect(input: AddressInput): Promise<string[]> {
  const fits = (address: string): boolean => unusable(address) === undefined && !isLoopback(address) && onHost(address, input.interfaces);
  if (fits(input.hostname)) return [input.hostname];
  let failure = '';
  try {
    const found = (await input.lookup(input.nodeName)).filter(fits);
    if (found.length > 0) return [found.find((address) => isIP(address) === 4) ?? found[0]!];
  } catch (error) {
    failure = ` (${messageOf(error)})`;
  }
  const routed = input.interfaces.filter((candidate) => candidate.interface === input.defaultInterface && fits(candidate.address));
  const chosen = routed.find(({ family }) => family === 'IPv4') ?? routed[0];
  if (chosen !== undefined) return [chosen.address];
  throw new WasmletError('ADDRESS_UNUSABLE', `no address for the node: the name ${input.nodeName} does not resolve to this machine${failure} and there is no default route; give one with --node-ip`);
}

function onHost(address: string, interfaces: readonly NetworkAddress[]): boolean {
  const list = new BlockList();
  const wanted = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(address) === 0) return false;
  list.addAddress(address, wanted);
  return interfaces.some((candidate) => list.check(candidate.address, candidate.family === 'IPv6' ? 'ipv6' : 'ipv4'));
}

const ranges: readonly (readonly [name: string, network: string, prefix: number, family: 'ipv4' | 'ipv6'])[] = [
  ['the unspecified address', '0.0.0.0', 32, 'ipv4'],
  ['the unspecified address', '::', 128, 'ipv6'],
  ['a multicast address', '224.0.0.0', 4, 'ipv4'],
  ['a multicast address', 'ff00::', 8, 'ipv6'],
  ['a link-local address', '169.254.0.0', 16, 'ipv4'],
  ['a link-local address', 'fe80::', 10, 'ipv6'],
];

function unusable(address: string): string | undefined {
  return ranges.find(([, network, prefix, family]) => inRange(address, network, prefix, family))?.[0];
}

export function isLoopback(address: string): boolean {
  return inRange(address, '127.0.0.0', 8, 'ipv4') || inRange(address, '::1', 128, 'ipv6');
}

function inRange(address: string, network: string, prefix: number, family: 'ipv4' | 'ipv6'): boolean {
  if (isIP(address) !== (family === 'ipv4' ? 4 : 6)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family);
  return list.check(address, family);
}

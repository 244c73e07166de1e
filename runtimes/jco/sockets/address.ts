import { BlockList } from 'node:net';

export type IpAddressFamily = 'ipv4' | 'ipv6';
export type Ipv4Address = readonly [number, number, number, number];
export type Ipv6Address = readonly [number, number, number, number, number, number, number, number];
export type IpAddress = { readonly tag: 'ipv4'; readonly val: Ipv4Address } | { readonly tag: 'ipv6'; readonly val: Ipv6Address };

/** `wasi:sockets/types.ip-socket-address`. */
export type IpSocketAddress =
  | { readonly tag: 'ipv4'; readonly val: { readonly port: number; readonly address: Ipv4Address } }
  | { readonly tag: 'ipv6'; readonly val: { readonly port: number; readonly flowInfo: number; readonly address: Ipv6Address; readonly scopeId: number } };

/** As Node takes it. */
export function hostOf({ tag, val }: IpSocketAddress): string {
  return tag === 'ipv4' ? val.address.join('.') : val.address.map((group) => group.toString(16)).join(':');
}

/** From a numeric address as Node gives it, without a zone. */
export function ipAddressOf(text: string): IpAddress {
  const host = text.replace(/%.*$/, '');
  if (!host.includes(':')) return { tag: 'ipv4', val: host.split('.').map(Number) as unknown as Ipv4Address };
  const written = new URL(`http://[${host}]`).hostname.slice(1, -1);
  const [head = '', tail] = written.split('::', 2);
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const all = tail === undefined ? left : [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  return { tag: 'ipv6', val: all as unknown as Ipv6Address };
}

export function socketAddressOf({ address, port }: { readonly address: string; readonly port: number }): IpSocketAddress {
  const ip = ipAddressOf(address);
  return ip.tag === 'ipv4' ? { tag: 'ipv4', val: { port, address: ip.val } } : { tag: 'ipv6', val: { port, flowInfo: 0, address: ip.val, scopeId: 0 } };
}

/** Any address of the node's, any free port. */
export function anyAddress(family: IpAddressFamily): IpSocketAddress {
  return socketAddressOf({ address: family === 'ipv4' ? '0.0.0.0' : '::', port: 0 });
}

const notUnicast = new BlockList();
notUnicast.addSubnet('224.0.0.0', 4, 'ipv4');
notUnicast.addAddress('255.255.255.255', 'ipv4');
notUnicast.addSubnet('ff00::', 8, 'ipv6');

/** Of the socket's family, a single host's, and IPv6's own. */
export function isUnicast(address: IpSocketAddress, family: IpAddressFamily): boolean {
  return address.tag === family && !isMapped(address) && !notUnicast.check(hostOf(address), family);
}

/** An IPv6 socket has nothing to do with IPv4. (BlockList would take a mapped address for the IPv4 one.) */
function isMapped({ tag, val }: IpSocketAddress): boolean {
  return tag === 'ipv6' && val.address.slice(0, 5).every((group) => group === 0) && val.address[5] === 0xffff;
}

/** A remote end: unicast, with a port, not "any". */
export function isRemote(address: IpSocketAddress, family: IpAddressFamily): boolean {
  return isUnicast(address, family) && address.val.port !== 0 && address.val.address.some((part) => part !== 0);
}

export function sameAddress(left: IpSocketAddress, right: IpSocketAddress): boolean {
  return left.tag === right.tag && left.val.port === right.val.port && hostOf(left) === hostOf(right);
}

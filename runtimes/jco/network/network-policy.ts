import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';

/** `plugins.runtime-jco.network` of the node's configuration. */
export interface NetworkConfiguration {
  /** True: guests reach every address but those that are denied. Default false: only those of `allow`. */
  readonly outgoing?: boolean;
  /** Addresses (CIDR) that guests reach, also when `deny` or the default names them. */
  readonly allow?: readonly string[];
  /** Addresses (CIDR) that guests do not reach, beside the default ones. */
  readonly deny?: readonly string[];
  /** True: guests may listen on any port with sockets of their own. Default false. */
  readonly listen?: boolean;
}

/**
 * What a guest must not reach unless it is allowed by name, beside the node's own addresses: its loopback, where it and its neighbours listen without
 * authentication; link-local addresses and the metadata services of clouds, which hand out the machine's credentials; what is no
 * single host.
 */
const deniedByDefault = [
  '0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '100.100.100.200/32', '168.63.129.16/32', '192.0.0.192/32', '224.0.0.0/4', '255.255.255.255/32',
  '::/128', '::1/128', 'fe80::/10', 'fd00:ec2::254/128', 'fd20:ce::254/128', 'ff00::/8',
];

/** Which addresses a guest may open connections to. Names are resolved here, so that what was judged is what is connected to. */
export class NetworkPolicy {
  /** False: nothing at all may be reached. */
  readonly outgoing: boolean;
  readonly #all: boolean;
  readonly #allowed: BlockList;
  readonly #denied: BlockList;
  readonly listens: boolean;

  /** @throws RangeError when the configuration names what is no address or range */
  constructor(configuration: NetworkConfiguration = {}, nodeAddresses: readonly string[] = ownAddresses()) {
    const { allow = [], deny = [] } = configuration;
    this.#all = configuration.outgoing ?? false;
    this.outgoing = this.#all || allow.length > 0;
    this.listens = configuration.listen ?? false;
    this.#allowed = blockListOf(allow);
    this.#denied = blockListOf([...deniedByDefault, ...nodeAddresses, ...deny]);
  }

  /** Of an IP address without brackets or zone. */
  permits(address: string): boolean {
    if (!this.outgoing) return false;
    const plain = unmapped(address);
    const family = isIP(plain);
    if (family === 0) return false;
    const type = family === 4 ? 'ipv4' : 'ipv6';
    return this.#allowed.check(plain, type) || (this.#all && !this.#denied.check(plain, type));
  }

  /**
   * The addresses of a name, or of an address itself, that may be reached.
   * @throws AddressProhibited when it has addresses and none of them may; what the resolver throws
   */
  async resolve(host: string): Promise<LookupAddress[]> {
    const found = isIP(host) === 0 ? await lookup(host, { all: true, order: 'verbatim' }) : [{ address: host, family: isIP(host) }];
    const permitted = found.filter(({ address }) => this.permits(address));
    if (permitted.length === 0) throw new AddressProhibited(host);
    return permitted;
  }
}

/** Guests have the node's place in the network: whoever listens on its addresses would take them for the node. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address.replace(/%.*$/, '')));
}

/** The policy forbids every address of the host. */
export class AddressProhibited extends Error {
  constructor(host: string) {
    super(`${host} may not be reached`);
    this.name = 'AddressProhibited';
  }
}

function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/', 2);
    const family = isIP(address);
    if (family === 0) throw new RangeError(`${range} is no address or range of addresses`);
    list.addSubnet(address, prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** The IPv4 address inside an IPv6 one (mapped, or NAT64's well-known prefix), which leads to the same host. */
function unmapped(address: string): string {
  if (isIP(address) !== 6) return address;
  const bytes = ipv6Bytes(address);
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  const isNat64 = bytes.subarray(0, 12).every((byte, index) => byte === [0, 0x64, 0xff, 0x9b][index] || (index > 3 && byte === 0));
  return isMapped || isNat64 ? bytes.subarray(12).join('.') : address;
}

function ipv6Bytes(address: string): Uint8Array {
  // `URL` writes the embedded IPv4 form in hexadecimal and without leading zeros.
  const text = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const [head = '', tail] = text.split('::', 2);
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const all = tail === undefined ? left : [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

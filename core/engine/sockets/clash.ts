import { isIPv6 } from 'node:net';
import type { SocketAddress } from '../../api/socket-address.ts';

/** Whether two cannot both be listened on. */
export function clash(held: SocketAddress, wanted: SocketAddress): boolean {
  if (held.port !== wanted.port || isIPv6(held.address) !== isIPv6(wanted.address)) return false;
  return held.address === wanted.address || [held, wanted].some(({ address }) => address === '0.0.0.0' || address === '::');
}

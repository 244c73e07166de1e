import { isIP } from 'node:net';
import type { ContainerPort } from '../../api/engine.ts';
import { WasmletError } from '../../api/errors.ts';
import type { SocketAddress } from '../../api/socket-address.ts';

/** `[ADDRESS:]PORT` of `--publish`; loopback where no address is given, any free port where the port is 0. */
export function parsePublishedPort(text: string): ContainerPort {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text);
  const [, v6, v4, digits] = match ?? [];
  const address = (v4 === 'localhost' ? undefined : (v6 ?? v4)) ?? '127.0.0.1';
  const port = Number(digits);
  if (match === null || port > 65_535 || isIP(address) !== (v6 === undefined ? 4 : 6)) {
    throw new WasmletError('USAGE', `--publish ${text}: give [ADDRESS:]PORT, such as 8080, 0.0.0.0:8080 or [::1]:8080; one port is the program's and the machine's`);
  }
  return { name: '', port, addresses: [{ address, port }] };
}

/** `127.0.0.1:8080`, `[::1]:8080`. */
export function formatAddress({ address, port }: SocketAddress): string {
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

import { trap } from '../host/component-failure.ts';
import type { GuestContext, HostInterfaces } from '../host/guest-context.ts';

/** More in one call is a trap: the list lies in the host's memory before it lies in the guest's, which has a limit. */
const mostRandomBytes = 16n * 1024n * 1024n;

/** `wasi:random` 0.2. The insecure ones are secure as well. */
export function createRandom(context: GuestContext): HostInterfaces {
  const bytes = (length: bigint): Uint8Array => {
    context.called();
    if (length > mostRandomBytes) trap(`${length} random bytes in one call, ${mostRandomBytes} are allowed`);
    const target = new Uint8Array(Number(length));
    context.host.random(target);
    return target;
  };
  const number = (): bigint => new DataView(bytes(8n).buffer).getBigUint64(0);
  return {
    'wasi:random/random': { getRandomBytes: bytes, getRandomU64: number },
    'wasi:random/insecure': { getInsecureRandomBytes: bytes, getInsecureRandomU64: number },
    'wasi:random/insecure-seed': { insecureSeed: (): [bigint, bigint] => [number(), number()] },
  };
}

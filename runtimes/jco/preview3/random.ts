import type { GuestContext, HostInterfaces } from '../host/guest-context.ts';

/** 0.3 lets a host give fewer bytes than are asked for: the list lies in the host's memory first. */
const mostRandomBytes = 64n * 1024n;

/** `wasi:random` 0.3. The insecure ones are secure as well. */
export function createRandom(context: GuestContext): HostInterfaces {
  const bytes = (length: bigint): Uint8Array => {
    context.called();
    const target = new Uint8Array(Number(length < mostRandomBytes ? length : mostRandomBytes));
    context.host.random(target);
    return target;
  };
  let seed: [bigint, bigint] | undefined;
  const number = (): bigint => new DataView(bytes(8n).buffer).getBigUint64(0);
  return {
    'wasi:random/random@0.3': { getRandomBytes: bytes, getRandomU64: number },
    'wasi:random/insecure@0.3': { getInsecureRandomBytes: bytes, getInsecureRandomU64: number },
    'wasi:random/insecure-seed@0.3': { getInsecureSeed: (): [bigint, bigint] => (seed ??= [number(), number()]) },
  };
}

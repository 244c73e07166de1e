import type { BigIntStats } from 'node:fs';
import type { GuestMemory } from '../../core/guest/preview1/guest-memory.ts';
import { preview1Subscription, unstableSubscription } from '../../core/guest/preview1/subscription.ts';
import type { SubscriptionLayout } from '../../core/guest/preview1/subscription.ts';
import { fileTypeOf } from './file-status.ts';

/**
 * What differs between the two published snapshots of preview 1: `wasi_snapshot_preview1` and the one before it, which programs
 * of 2019 and 2020 import as `wasi_unstable` (preview0/witx in WebAssembly/WASI). All other functions are the same in both.
 */
export interface Snapshot {
  /** By the number that the guest gives to `fd_seek`. */
  readonly whence: readonly ('set' | 'current' | 'end')[];
  /** Size of `filestat`. */
  readonly fileStatusSize: number;
  writeFileStatus(memory: GuestMemory, at: number, status: BigIntStats): void;
  readonly subscription: SubscriptionLayout;
}

export const preview1: Snapshot = {
  whence: ['set', 'current', 'end'],
  fileStatusSize: 64,
  writeFileStatus(memory, at, status) {
    memory.setU64(at + 24, status.nlink);
    writeCommonStatus(memory, at, 32, status);
  },
  subscription: preview1Subscription,
};

export const unstable: Snapshot = {
  whence: ['current', 'end', 'set'],
  fileStatusSize: 56,
  writeFileStatus(memory, at, status) {
    writeCommonStatus(memory, at, 24, status);
    // A u32 in the eight bytes of the type.
    memory.setU32(at + 20, Number(BigInt.asUintN(32, status.nlink)));
  },
  subscription: unstableSubscription,
};

/** Everything but the count of links; the size and the times begin at `rest`. */
function writeCommonStatus(memory: GuestMemory, at: number, rest: number, status: BigIntStats): void {
  memory.setU64(at, status.dev);
  memory.setU64(at + 8, status.ino);
  memory.setU64(at + 16, BigInt(fileTypeOf(status)));
  memory.setU64(at + rest, status.size);
  memory.setU64(at + rest + 8, status.atimeNs);
  memory.setU64(at + rest + 16, status.mtimeNs);
  memory.setU64(at + rest + 24, status.ctimeNs);
}

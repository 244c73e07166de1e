import { availableParallelism } from 'node:os';
import { withoutWarnings } from '../guest/without-warnings.ts';

/** M_ARENA_MAX of glibc's malloc.h. */
const arenaMax = -8;

/** What glibc's allocator keeps to itself. Does nothing where Node has no node:ffi, or the C library is another one. */
export interface NativeMemory {
  /**
   * As many arenas as cores: of the eight for each core that glibc makes, hundreds of threads fill each in part. To be called before threads are made.
   */
  limitArenas(): void;
  /** malloc_trim(3): gives free pages of all arenas back to the kernel, about a millisecond for a hundred threads. */
  trim(): void;
}

export function nativeMemory(): NativeMemory {
  try {
    const ffi = withoutWarnings(() => process.getBuiltinModule('node:ffi'));
    const { functions } = ffi.dlopen(null, {
      mallopt: { arguments: ['i32', 'i32'], return: 'i32' },
      malloc_trim: { arguments: ['u64'], return: 'i32' },
    });
    return {
      limitArenas: () => void functions.mallopt(arenaMax, Math.max(2, availableParallelism())),
      trim: () => void functions.malloc_trim(0n),
    };
  } catch {
    return { limitArenas() {}, trim() {} };
  }
}

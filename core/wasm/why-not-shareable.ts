import type { ModuleInspection } from '../api/artifact.ts';

/** For the rewriter, which reads them itself. */
export function whyMemoriesNotShareable(memories: readonly { readonly shared: boolean; readonly imported: boolean }[]): string | undefined {
  // Whoever waits on a shared memory blocks the thread.
  if (memories.some(({ shared }) => shared)) return 'it has a shared memory';
  // Memory 1 is the engine's; a second one of the guest's would have to be renumbered everywhere.
  if (memories.length > 1 && memories.some(({ imported }) => !imported)) return 'it has several memories';
  return undefined;
}

/**
 * Why a core module cannot run on a shared thread, as far as its inspection tells; continues "the module needs a thread of
 * its own: ". Cheap, so that placing does not wait for preparing. Only rewriting (`rewriteModule`) finds the rest: a table of more
 * than 65,536 elements, a declared page size, `memory.copy` between memories, GC instructions without GC types, and code that
 * V8 knows and the rewriter does not.
 */
export function whyNotShareable({ memories, gc }: ModuleInspection): string | undefined {
  return whyMemoriesNotShareable(memories) ?? (gc ? 'it declares types of the GC proposal' : undefined);
}

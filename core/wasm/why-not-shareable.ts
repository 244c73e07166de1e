import type { Limits } from './binary/limits.ts';

/** What one table instruction may have to go through; every table is capped to it. */
export const longestTable = 65_536;

/**
 * Why memories and tables make a core module need a thread of its own; continues "it needs a thread of its own: ". Cheap, so that
 * inspecting finds it and placing does not wait for preparing. Only rewriting (`rewriteModule`) finds the rest: `memory.copy` between
 * imported memories, GC instructions without GC types, and code that V8 knows and the rewriter does not.
 */
export function whyNotShareable(memories: readonly { readonly limits: Limits; readonly imported: boolean }[], tables: readonly Limits[]): string | undefined {
  // Whoever waits on a shared memory blocks the thread.
  if (memories.some(({ limits }) => limits.shared)) return 'it has a shared memory';
  // Memory 1 is the engine's; a second one of the guest's would have to be renumbered everywhere.
  if (memories.length > 1 && memories.some(({ imported }) => !imported)) return 'it has several memories';
  if (memories.some(({ limits }) => limits.pageSizeLog2 !== undefined)) return 'it declares the page size of a memory';
  const table = tables.find(({ minimum }) => minimum > longestTable);
  return table === undefined ? undefined : `it has a table of ${table.minimum} elements, ${longestTable} are the most`;
}

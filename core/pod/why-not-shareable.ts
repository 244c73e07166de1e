import type { ArtifactInspection } from '../api/artifact.ts';

/**
 * Why a module cannot share a thread with others, as far as inspecting it tells; undefined: it can. The rewriter that gives
 * it yield checks may find more, and then the start fails.
 */
export function whyNotShareable(inspection: ArtifactInspection): string | undefined {
  if (inspection.kind === 'component') return 'a component has JavaScript frames on its stack and cannot be suspended';
  if (inspection.memories.some(({ shared }) => shared)) return 'the module has a shared memory, and a guest that waits on it would hold the thread';
  if (inspection.gc) return 'the module uses the GC proposal, whose objects no limit of a guest bounds on a shared thread';
  return undefined;
}

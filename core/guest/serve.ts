import type { ThreadTask } from './protocol.ts';
import type { SharedThreadTask } from './shared/shared-protocol.ts';

/** A thread's whole life, as a piscina task. It never settles: piscina must not give the thread to anybody; the main thread ends it. */
export async function serve(task: ThreadTask | SharedThreadTask): Promise<never> {
  if (task.kind === 'shared') return (await import('./shared/serve-shared.ts')).serveShared(task);
  const [{ serveDedicated }, { importRuntime }] = await Promise.all([import('./thread.ts'), import('./import-runtime.ts')]);
  return serveDedicated(task, importRuntime);
}

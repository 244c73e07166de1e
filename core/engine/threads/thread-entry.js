// The first file of every guest thread. Plain JavaScript: a TypeScript entry costs a thread 7 MB and 20 ms. In the release
// bundle most threads have all of their code in this file (build.ts).

/** Where the rest of a thread's code lies, from this file: in a checkout, in the release bundle. */
const served = import.meta.dirname.endsWith('/core/engine/threads') ? '../../guest/serve.ts' : './serve.js';

/** piscina's task. */
export async function run(task) {
  const { serve } = await import(served);
  return serve(task);
}

// The first file of every guest thread and of every prepare process. Plain JavaScript: a TypeScript entry costs a thread
// 7 MB and 20 ms. It turns on the compile cache, which the main thread's call does not reach.
import module from 'node:module';
import { isMainThread, workerData } from 'node:worker_threads';

const source = import.meta.url.endsWith('/core/engine/threads/thread-entry.js');

/** Where the parts lie: in a checkout by their rooms, in the release bundle beside this file. */
const parts = source ? { thread: '../../guest/thread.ts', prepare: '../prepare/prepare-process.ts' } : { thread: './thread.js', prepare: './prepare.js' };

const locate = (part) => new URL(part, import.meta.url).href;

const compileCache = isMainThread ? process.argv[2] : workerData?.compileCache;
if (compileCache) module.enableCompileCache(compileCache);

/** piscina's task. */
export async function run(thread) {
  const { serve } = await import(locate(parts.thread));
  return serve(thread);
}

if (isMainThread && process.send !== undefined) {
  // Not awaited at the top level: piscina loads this file by `require`, which takes no such module.
  void import(locate(parts.prepare)).then(({ prepareOnRequest }) => prepareOnRequest());
}

import { WasmletError } from '../../../core/api/errors.ts';

/** jco remembers every handle that it ever made in sets that nothing reads: 27 bytes for each poll, and a RangeError after 2^24. */
const remembersHandles = /^\s*table\._createdReps\.add\(rep\);$/m;

/** The script of jco-transpile 0.15 without what a long-running guest would die of. @throws WasmletError `TRANSPILE_FAILED` */
export function mendGlue(script: string): string {
  // Without it a component has no resources; with it twice, or written differently, it is another jco than this was made for.
  if (script.split('_createdReps.add').length > 2) throw new WasmletError('TRANSPILE_FAILED', 'jco remembers handles in a way that is not known');
  return script.replace(remembersHandles, '');
}

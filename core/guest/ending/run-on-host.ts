import type { GuestExit, GuestTask, RuntimeThread } from '../../api/runtime.ts';
import { exitCodeOf } from './doom.ts';
import type { Doom } from './doom.ts';
import type { GuestHost } from '../host.ts';

/** Runs a guest to its end. One that asked to exit has exited, whatever it did with the exception that ends it. */
export async function runOnHost(runtime: RuntimeThread, task: GuestTask, host: GuestHost, doom: Doom): Promise<GuestExit> {
  const exit = await runtime.start(task, host);
  const code = exitCodeOf(doom);
  return code === undefined || exit.kind === 'out-of-memory' ? exit : { kind: 'exit', code };
}

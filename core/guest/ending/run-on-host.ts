import type { GuestExit, GuestTask, RuntimeThread } from '../../api/runtime.ts';
import { exitCodeOf } from './doom.ts';
import type { Doom } from './doom.ts';
import type { GuestHost } from '../host.ts';

/** Runs a guest to its end. One that asked to exit has exited, whatever it did with the exception that ends it. */
export function runOnHost(runtime: RuntimeThread, task: GuestTask, host: GuestHost, doom: Doom): GuestExit | Promise<GuestExit> {
  const honest = (exit: GuestExit): GuestExit => {
    const code = exitCodeOf(doom);
    return code === undefined || exit.kind === 'out-of-memory' ? exit : { kind: 'exit', code };
  };
  const exit = runtime.start(task, host);
  return exit instanceof Promise ? exit.then(honest) : honest(exit);
}

import type { GuestExit, GuestTask } from '../../core/api/runtime.ts';
import type { GuestHost } from '../../core/guest/host.ts';
import { StartFailure, exportedFunction } from './guest-program.ts';
import type { GuestProgram } from './guest-program.ts';
import { createHosts } from './hosts.ts';
import { openNetwork } from './network/network.ts';
import { GuestContext } from './host/guest-context.ts';

/** Runs the component's `wasi:cli/run`, of 0.3 where it has one: programs for 0.3 carry a 0.2 that their language's start-up code left. */
export async function runCommand(program: GuestProgram, task: GuestTask, host: GuestHost): Promise<GuestExit> {
  const context = new GuestContext(task, host, program.glue.suspends);
  const network = openNetwork(task);
  const hosts = createHosts(context, network);
  try {
    const missing = program.missingFrom(hosts.imports);
    if (missing !== undefined) return missing;
    const exports = await program.instantiate(context, hosts.imports);
    const entry = exportedFunction(exports, 'wasi:cli/run@0.3.', 'run') ?? exportedFunction(exports, 'wasi:cli/run@0.2.', 'run');
    if (entry === undefined) return { kind: 'start-error', code: 'ENTRY_POINT_MISSING', message: 'the component exports no wasi:cli/run@0.2 or 0.3' };
    return await run(program, context, entry);
  } catch (error) {
    if (error instanceof StartFailure) return error.exit;
    throw error;
  } finally {
    network.close();
    await hosts.close();
    context.reportMemory();
  }
}

async function run(program: GuestProgram, context: GuestContext, entry: () => unknown): Promise<GuestExit> {
  try {
    let result: unknown;
    // The canonical ABI's frames lie in between, so the guest runs on the thread's own stack, or on the one that jco gives it.
    void context.host.blocker.enter(() => {
      result = entry();
    })();
    // A task of the guest's that ends it does not always end `run` as well.
    const answer = await Promise.race([result, context.left]);
    if (context.exit !== undefined) return program.endOf(context, context.exit);
    return { kind: 'exit', code: isError(answer) ? 1 : 0 };
  } catch (error) {
    // `run` answered `err`, which has no payload.
    if (error === undefined && context.exit === undefined) return { kind: 'exit', code: 1 };
    return program.endOf(context, error);
  }
}

function isError(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'tag' in answer && answer.tag === 'err';
}

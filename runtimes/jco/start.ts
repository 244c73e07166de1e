import type { GuestExit, GuestTask } from '../../core/api/runtime.ts';
import type { GuestHost } from '../../core/guest/host.ts';
import { runCommand } from './command.ts';
import { GuestProgram } from './guest-program.ts';
import type { ComponentGlue } from './prepare/prepare.ts';
import { runService } from './service/service.ts';

/** Runs a component to its end, on a thread of its own. */
export async function start(task: GuestTask, host: GuestHost): Promise<GuestExit> {
  if (task.glue === undefined) throw new Error('the component was not prepared: the task has no glue');
  const program = new GuestProgram(task, (await import(task.glue)) as ComponentGlue);
  return isService(program.glue.world) ? runService(program, task, host) : runCommand(program, task, host);
}

function isService(world: string | undefined): boolean {
  return world !== undefined && /^wasi:http\/(proxy|service)@/.test(world);
}

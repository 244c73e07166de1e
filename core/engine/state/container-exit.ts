import type { ContainerExit } from '../../api/engine.ts';
import { messageOf, WasmletError } from '../../api/errors.ts';
import type { GuestExit } from '../../api/runtime.ts';
import type { GuestEnd } from '../threads/guest-place.ts';

/** SIGABRT's code, as a shell shows it: what a native program that traps ends with. */
const trapped = 134;
const killed = 137;
const neverBegan = 128;

/** SIGTERM's default action, and SIGKILL's. */
export type StopCode = 143 | 137;

export const lostInRestart: ContainerExit = {
  code: killed,
  reason: 'ContainerStatusUnknown',
  message: 'The container could not be located when the node agent was started again: it ran when the agent was lost, and its exit code is not known',
};

/** The container's end from its guest's. `began`: its entry was called. `stop`: the engine had been asked to end it. */
export function containerExitOf(end: GuestEnd, began: boolean, stop: StopCode | undefined): ContainerExit {
  switch (end.kind) {
    case 'exited':
      return exitOfGuest(end.exit);
    case 'terminated':
      return stoppedExit(stop ?? killed);
    case 'failed':
      return began ? { code: trapped, reason: 'Error', message: `the runtime failed: ${end.message}` } : { code: neverBegan, reason: 'StartError', message: end.message };
    case 'crashed':
      if (end.outOfMemory) return { code: killed, reason: 'OOMKilled', message: 'the host objects of the guest took all memory of its thread' };
      return { code: trapped, reason: 'Error', message: `the guest's thread was lost: ${end.message}` };
  }
}

/** The end of a container that could not begin; the error's code is kept. */
export function startErrorExit(error: unknown): ContainerExit {
  return { code: neverBegan, reason: 'StartError', message: messageOf(error), ...(error instanceof WasmletError ? { errorCode: error.code } : {}) };
}

export function stoppedExit(code: StopCode): ContainerExit {
  return { code, reason: 'Error' };
}

function exitOfGuest(exit: GuestExit): ContainerExit {
  switch (exit.kind) {
    case 'exit': {
      // WASI's exit codes have 32 bits, a process' status 8.
      const code = exit.code & 0xff;
      return { code, reason: code === 0 ? 'Completed' : 'Error' };
    }
    case 'trap':
      return { code: trapped, reason: 'Error', message: exit.message, ...(exit.stackExhausted && { stackExhausted: true }) };
    case 'out-of-memory':
      return { code: killed, reason: 'OOMKilled', message: exit.message };
    case 'start-error':
      return { code: neverBegan, reason: 'StartError', message: exit.message, errorCode: exit.code };
  }
}

import type { GuestExit, GuestTask } from '../../core/api/runtime.ts';
import { exitOf, isExitSignal, startErrorOf } from '../../core/guest/ending/exit.ts';
import type { ComponentExports, ComponentGlue } from './prepare/prepare.ts';
import type { GuestContext, HostInterfaces } from './host/guest-context.ts';

export type StartError = Extract<GuestExit, { kind: 'start-error' }>;

/** Why a component could not be made an instance of, as a guest's end. */
export class StartFailure extends Error {
  readonly exit: GuestExit;

  constructor(exit: GuestExit) {
    super(exit.kind);
    this.name = 'StartFailure';
    this.exit = exit;
  }
}

/** A prepared component: makes instances of it and reads how they end. */
export class GuestProgram {
  readonly glue: ComponentGlue;
  readonly #task: GuestTask;

  constructor(task: GuestTask, glue: ComponentGlue) {
    this.#task = task;
    this.glue = glue;
  }

  /** The interfaces of its world that these hosts do not have, as a start error; undefined when all are there. */
  missingFrom(imports: HostInterfaces): StartError | undefined {
    const unknown = this.glue.imports.filter((name) => !Object.hasOwn(imports, name));
    return unknown.length === 0 ? undefined : importUnknown(`the component imports ${unknown.join(', ')}: not provided by the jco runtime`);
  }

  /** @throws StartFailure */
  async instantiate(context: GuestContext, imports: HostInterfaces): Promise<ComponentExports> {
    const getCoreModule = (name: string): WebAssembly.Module => {
      const module = this.#task.modules[name];
      if (module === undefined) throw new Error(`core module ${name} is missing from the task`);
      return module;
    };
    try {
      return await this.glue.instantiate(getCoreModule, imports, (module, coreImports) => context.instantiate(module, coreImports));
    } catch (error) {
      throw new StartFailure(startErrorOf(error) ?? missingImport(error) ?? this.endOf(context, error));
    }
  }

  /** How the guest ended, from what its export or a host function threw. @throws what is no doing of the guest's */
  endOf(context: GuestContext, error: unknown): GuestExit {
    return exitOf(context.exit ?? this.#guestError(error), context.memoryExhausted);
  }

  /**
   * jco's glue checks what the guest passes (handles, strings, discriminants) and throws JavaScript errors where a component
   * traps. Those are the guest's; an error thrown by any other script is an adapter's bug and stays what it is.
   */
  #guestError(error: unknown): unknown {
    if (!(error instanceof Error) || isExitSignal(error) || error instanceof WebAssembly.RuntimeError) return error;
    const origin = error.stack?.split('\n').find((line) => /^\s+at /.test(line));
    return origin?.includes(this.#task.glue!) === true ? new WebAssembly.RuntimeError(error.message, { cause: error }) : error;
  }
}

/** The function of the newest of the interfaces whose names begin with `prefix`, as `wasi:cli/run@0.3.`. */
export function exportedFunction(exports: ComponentExports, prefix: string, name: string): ((...args: unknown[]) => unknown) | undefined {
  const newest = Object.keys(exports).filter((key) => key.startsWith(prefix)).sort((left, right) => left.localeCompare(right, 'en', { numeric: true })).at(-1);
  const found = newest === undefined ? undefined : (exports[newest] as Readonly<Record<string, unknown>>)[name];
  return typeof found === 'function' ? (found as (...args: unknown[]) => unknown) : undefined;
}

/** A function that an interface of ours does not have, as of a later version than we know. */
function missingImport(error: unknown): StartError | undefined {
  const name = error instanceof Error ? /^unexpectedly undefined instance import '([^']*)'/.exec(error.message)?.[1] : undefined;
  return name === undefined ? undefined : importUnknown(`the component imports ${name}: not provided by the jco runtime`);
}

function importUnknown(message: string): StartError {
  return { kind: 'start-error', code: 'IMPORT_UNKNOWN', message };
}

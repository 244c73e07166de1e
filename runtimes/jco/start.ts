import { isExitSignal, startErrorOf, exitOf } from '../../core/guest/exit.ts';
import type { GuestHost } from '../../core/guest/host.ts';
import type { GuestExit, GuestTask } from '../../core/api/runtime.ts';
import type { ComponentGlue } from './prepare.ts';
import { GuestContext } from './preview2/guest-context.ts';
import { createPreview2 } from './preview2/preview2.ts';

type StartError = Extract<GuestExit, { kind: 'start-error' }>;

/** Runs a component's `wasi:cli/run` to its end, on a thread of its own: every wait holds the thread. */
export async function start(task: GuestTask, host: GuestHost): Promise<GuestExit> {
  if (task.glue === undefined) throw new Error('the component was not prepared: the task has no glue');
  const glue = (await import(task.glue)) as ComponentGlue;
  const context = new GuestContext(task, host);
  const preview2 = createPreview2(context);
  try {
    const unknown = glue.imports.filter((name) => !Object.hasOwn(preview2.imports, name));
    if (unknown.length > 0) return importUnknown(`the component imports ${unknown.join(', ')}: not provided by the jco runtime`);
    return run(task, glue, context, preview2.imports);
  } finally {
    preview2.close();
    context.reportMemory();
  }
}

function run(task: GuestTask, glue: ComponentGlue, context: GuestContext, imports: Readonly<Record<string, unknown>>): GuestExit {
  const getCoreModule = (name: string): WebAssembly.Module => {
    const module = task.modules[name];
    if (module === undefined) throw new Error(`core module ${name} is missing from the task`);
    return module;
  };
  const ended = (error: unknown): GuestExit => exitOf(context.exit ?? guestError(error, task.glue!), context.memoryExhausted);

  let entry: () => unknown;
  try {
    const exports = glue.instantiate(getCoreModule, imports, (module, coreImports) => context.instantiate(module, coreImports));
    const found = entryOf(exports);
    if (found === undefined) return { kind: 'start-error', code: 'ENTRY_POINT_MISSING', message: 'the component exports no wasi:cli/run@0.2' };
    entry = found;
  } catch (error) {
    return startErrorOf(error) ?? missingImport(error) ?? ended(error);
  }
  try {
    // The canonical ABI's frames lie in between, so the guest runs on the thread's own stack.
    const result = context.host.blocker.enter(entry)();
    if (result !== undefined) throw new Error('a component cannot be suspended: jco runs on dedicated threads only');
    return context.exit === undefined ? { kind: 'exit', code: 0 } : ended(context.exit);
  } catch (error) {
    // `run` answered `err`, which has no payload.
    if (error === undefined && context.exit === undefined) return { kind: 'exit', code: 1 };
    return ended(error);
  }
}

/** The newest `wasi:cli/run@0.2` that the component exports. */
function entryOf(exports: Readonly<Record<string, unknown>>): (() => unknown) | undefined {
  const names = Object.keys(exports).filter((name) => name.startsWith('wasi:cli/run@0.2.'));
  const newest = names.sort((left, right) => left.localeCompare(right, 'en', { numeric: true })).at(-1);
  const interfaceObject = newest === undefined ? undefined : (exports[newest] as { readonly run?: () => unknown });
  return interfaceObject?.run === undefined ? undefined : () => interfaceObject.run!();
}

/** A function that an interface of ours does not have, as of a later 0.2 than we know. */
function missingImport(error: unknown): StartError | undefined {
  const name = error instanceof Error ? /^unexpectedly undefined instance import '([^']*)'/.exec(error.message)?.[1] : undefined;
  return name === undefined ? undefined : importUnknown(`the component imports ${name}: not provided by the jco runtime`);
}

function importUnknown(message: string): StartError {
  return { kind: 'start-error', code: 'IMPORT_UNKNOWN', message };
}

/**
 * jco's glue checks what the guest passes (handles, strings, discriminants) and throws JavaScript errors where a component
 * traps. Those are the guest's; an error thrown by any other script is an adapter's bug and stays what it is.
 */
function guestError(error: unknown, glueUrl: string): unknown {
  if (!(error instanceof Error) || isExitSignal(error) || error instanceof WebAssembly.RuntimeError) return error;
  const origin = error.stack?.split('\n').find((line) => /^\s+at /.test(line));
  return origin?.includes(glueUrl) === true ? new WebAssembly.RuntimeError(error.message, { cause: error }) : error;
}

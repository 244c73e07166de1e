import { Command, CommanderError } from 'commander';
import { messageOf, WasmletError } from '../api/errors.ts';
import { locate } from '../config/installation.ts';
import type { Invocation } from '../config/installation.ts';
import { createContext } from './context.ts';
import type { CliContext } from './context.ts';
import { registerBootstrap } from './commands/bootstrap.ts';
import { registerDemo } from './commands/demo.ts';
import { registerDescribe } from './commands/describe.ts';
import { registerInspect } from './commands/inspect.ts';
import { registerLogs } from './commands/logs.ts';
import { registerNode } from './commands/node.ts';
import { registerPlugins } from './commands/plugins.ts';
import { registerPs } from './commands/ps.ts';
import { registerPull } from './commands/pull.ts';
import { registerPush } from './commands/push.ts';
import { registerRun } from './commands/run.ts';
import { registerTop } from './commands/top.ts';

/** The command line. Exit codes: a guest's own for `run`, 0 success, 1 failure, 2 wrong usage. */
export async function main(invocation: Invocation, argv: readonly string[]): Promise<void> {
  const context = createContext(locate(invocation));
  // A pager that is closed early is not a failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const program = new Command('wasmlet')
    .description('A Kubernetes node whose containers are WebAssembly.')
    .version(invocation.version)
    .enablePositionalOptions()
    .showHelpAfterError('(wasmlet COMMAND --help explains)')
    .exitOverride()
    .addHelpText('after', `
Start here:
  $ wasmlet run hello.wasm                        one module, here and now
  $ wasmlet node --standalone --manifests pods/   a node without a cluster
  $ wasmlet bootstrap --out bootstrap.kubeconfig   let a node join a cluster …
  $ wasmlet node --bootstrap-kubeconfig bootstrap.kubeconfig --kubeconfig node.kubeconfig   … and join`);
  for (const register of [registerRun, registerNode, registerBootstrap, registerPs, registerTop, registerLogs, registerDescribe, registerPush, registerPull, registerInspect, registerPlugins, registerDemo]) {
    register(program, context);
  }
  for (const command of program.commands) command.exitOverride().showHelpAfterError(`(wasmlet ${command.name()} --help explains)`);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    report(error, context);
  }
}

function report(error: unknown, context: CliContext): void {
  if (error instanceof CommanderError) {
    context.exit(error.exitCode === 0 ? 0 : 2);
    return;
  }
  context.exit(error instanceof WasmletError && error.code === 'USAGE' ? 2 : 1);
  context.stderr.write(`wasmlet: ${messageOf(error)}\n`);
  // Neither in the table nor the system's refusal: a bug of ours, and the stack is what its report needs.
  if (!(error instanceof WasmletError) && error instanceof Error && !('syscall' in error)) context.stderr.write(`${error.stack ?? ''}\n`);
}

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { WasmletError } from '../../api/errors.ts';
import type { Clock } from '../../api/clock.ts';
import type { PrepareJob, PrepareReply } from './prepare-protocol.ts';

export interface PrepareProcessOptions {
  readonly compileCache?: string | undefined;
  /** A process that has not answered by then is killed. */
  readonly deadlineMilliseconds: number;
  readonly clock: Clock;
}

/** In the release bundle this code and that one lie beside each other, too. */
const entry = fileURLToPath(new URL(import.meta.filename.endsWith('.ts') ? 'prepare-process.ts' : 'prepare.js', import.meta.url));
/** JavaScript heap of a prepare process, in MiB. */
const heapMebibytes = 1024;
/** Of what a failing process says, the end is kept. */
const keptDiagnostics = 2_000;

/**
 * Runs one job in a process of its own.
 * @throws WasmletError as `prepare` and the rewriter give it; `TRANSPILE_FAILED` when the process dies or takes too long
 */
export function runPrepareProcess(job: PrepareJob, options: PrepareProcessOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = fork(entry, {
    env: options.compileCache === undefined ? {} : { NODE_COMPILE_CACHE: options.compileCache },
    execArgv: [`--max-old-space-size=${heapMebibytes}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let diagnostics = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (diagnostics = (diagnostics + text).slice(-keptDiagnostics)));
  let answer: PrepareReply | undefined;
  let late = false;
  const cancelDeadline = options.clock.after(options.deadlineMilliseconds, () => {
    late = true;
    child.kill('SIGKILL');
  });
  child.once('message', (message) => (answer = message as PrepareReply));
  child.once('error', (error) => {
    cancelDeadline();
    reject(new WasmletError('TRANSPILE_FAILED', `the prepare process could not be started: ${error.message}`, { cause: error }));
  });
  // Not before its end: its memory and its files are its own until then.
  child.once('close', (code, signal) => {
    cancelDeadline();
    if (answer?.ok === true) resolve();
    else if (answer !== undefined) reject(new WasmletError(answer.code, answer.message));
    else if (late) reject(new WasmletError('TRANSPILE_FAILED', `preparing took longer than ${options.deadlineMilliseconds} ms`));
    else reject(new WasmletError('TRANSPILE_FAILED', `the prepare process ended with ${signal ?? `code ${code}`}: ${diagnostics.trim()}`));
  });
  child.send(job);
  return promise;
}

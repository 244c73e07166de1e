import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProcessGroupOptions {
  /** Where each process' output goes, as `<name>.log`. The directory exists. */
  readonly logs: string;
  /** Removed after the processes have ended, also when this process crashes. */
  readonly removeAtEnd?: string;
  /** The processes outlive this one: there is no watchdog. */
  readonly detached?: boolean;
}

/**
 * Servers that cannot outlive this process, however it ends: a shell that reads our pipe kills them when
 * the pipe closes. Orderly stop and crash take the same way out.
 */
export class ProcessGroup {
  readonly #logs: string;
  readonly #watchdog: ChildProcess | undefined;
  readonly #running = new Map<string, ChildProcess>();
  readonly #ending = new Set<string>();
  #stopping = false;

  constructor(options: ProcessGroupOptions) {
    this.#logs = options.logs;
    if (options.detached) return;
    this.#watchdog = spawn('sh', [join(import.meta.dirname, 'watchdog.sh'), options.removeAtEnd ?? ''], {
      stdio: ['pipe', 'ignore', 'inherit'],
      // A session of its own: Ctrl-C in a terminal reaches us, and the closing pipe then reaches it.
      detached: true,
    });
    this.#watchdog.unref();
    (this.#watchdog.stdin as unknown as { unref(): void }).unref();
  }

  /** Process ids by name. */
  get pids(): Record<string, number> {
    return Object.fromEntries([...this.#running].map(([name, child]) => [name, child.pid!]));
  }

  /**
   * @param variables on top of this process' environment
   * @throws Error when a process of that name runs already, or the program cannot be executed
   */
  async start(name: string, program: string, args: readonly string[], variables: Record<string, string> = {}): Promise<void> {
    if (this.#running.has(name)) throw new Error(`${name} runs already`);
    const log = openSync(this.#logPath(name), 'a');
    const env = { ...process.env, ...variables };
    const child = spawn(program, args, { stdio: ['ignore', log, log], detached: true, env });
    closeSync(log);
    await once(child, 'spawn');
    this.#running.set(name, child);
    this.#tellWatchdog(`+${child.pid}`);
    child.once('exit', (code, signal) => {
      this.#running.delete(name);
      this.#tellWatchdog(`-${child.pid}`);
      if (!this.#stopping && !this.#ending.delete(name)) {
        process.stderr.write(`${name} ended (${signal ?? code}); the end of its log:\n${this.#logTail(name)}\n`);
      }
    });
    child.unref();
  }

  /**
   * Polls until `isReady` says so.
   *
   * @throws Error with the end of the log when the process ends meanwhile, or is not ready within the time
   */
  async untilReady(name: string, isReady: () => Promise<boolean>, milliseconds = 60_000): Promise<void> {
    const deadline = Date.now() + milliseconds;
    while (!(await isReady())) {
      if (!this.#running.has(name)) throw new Error(`${name} ended at its start:\n${this.#logTail(name)}`);
      if (Date.now() > deadline) throw new Error(`${name} is not ready after ${milliseconds} ms:\n${this.#logTail(name)}`);
      await sleep(25);
    }
  }

  /** SIGTERM, then SIGKILL after `graceMilliseconds`; returns when the process has ended. */
  async end(name: string, graceMilliseconds: number): Promise<void> {
    const child = this.#running.get(name);
    if (!child) return;
    child.ref();
    this.#ending.add(name);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMilliseconds);
    await exited;
    clearTimeout(timer);
  }

  /** Kills everything at once and removes what was to be removed: a test cluster has nothing to save. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const children = [...this.#running.values()];
    if (this.#watchdog) {
      children.push(this.#watchdog);
      this.#watchdog.stdin!.end();
    } else {
      for (const child of children) child.kill('SIGKILL');
    }
    for (const child of children) child.ref();
    await Promise.all(children.map((child) => untilEnded(child)));
    const code = this.#watchdog?.exitCode ?? 0;
    if (code !== 0) throw new Error(`the watchdog of ${this.#logs} ended with ${code}`);
  }

  #logPath(name: string): string {
    return join(this.#logs, `${name}.log`);
  }

  #logTail(name: string): string {
    return readFileSync(this.#logPath(name), 'utf8').trimEnd().split('\n').slice(-15).join('\n');
  }

  #tellWatchdog(line: string): void {
    if (!this.#stopping) this.#watchdog?.stdin!.write(`${line}\n`);
  }
}

async function untilEnded(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

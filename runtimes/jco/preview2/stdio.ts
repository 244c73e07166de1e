import type { Wait } from '../../../core/guest/host.ts';
import type { GuestContext, HostInterfaces } from './guest-context.ts';
import { Pollable } from './poll.ts';
import { InputStream, OutputStream, boundedLength, closed, largestTransfer } from './streams.ts';

/** Stdin. */
class StandardInput extends InputStream {
  readonly #context: GuestContext;

  constructor(context: GuestContext) {
    super();
    this.#context = context;
  }

  read(length: bigint): Uint8Array {
    this.#context.called();
    const target = new Uint8Array(boundedLength(length));
    if (target.length === 0) return target;
    const count = this.#context.host.stdio.read(target);
    if (typeof count !== 'number') return target.subarray(0, 0);
    if (count === 0) throw closed();
    return target.subarray(0, count);
  }

  subscribe(): Pollable {
    const { stdio } = this.#context.host;
    const readable = (): boolean => stdio.readable() !== 0;
    return new Pollable(this.#context, () => (readable() ? undefined : { ready: readable }));
  }
}

/** Stdout or stderr. What the ring has no room for is held here, at most one write, until it has. */
class StandardOutput extends OutputStream {
  readonly #context: GuestContext;
  readonly #stream: 1 | 2;
  #held: Uint8Array | undefined;

  constructor(context: GuestContext, stream: 1 | 2) {
    super();
    this.#context = context;
    this.#stream = stream;
  }

  checkWrite(): bigint {
    return this.#deliver() === undefined ? BigInt(largestTransfer) : 0n;
  }

  protected accept(bytes: Uint8Array): void {
    this.#context.called();
    if (bytes.length === 0) return;
    this.#held = bytes;
    // Delivered now, or by the check-write or flush that comes next, or at the guest's end.
    this.#deliver();
  }

  flush(): void {
    this.#deliver();
  }

  subscribe(): Pollable {
    return new Pollable(this.#context, () => this.#deliver());
  }

  /** Waits until everything written has been taken. */
  drain(): void {
    for (let wait = this.#deliver(); wait !== undefined; wait = this.#deliver()) this.#context.host.blocker.waitNow(wait);
  }

  #deliver(): Wait | undefined {
    if (this.#held === undefined) return undefined;
    const wait = this.#context.host.stdio.write(this.#stream, this.#held);
    if (wait === undefined) this.#held = undefined;
    return wait;
  }
}

/** `wasi:cli/stdin`, `stdout`, `stderr` and the terminals 0.2. */
export function createStdio(context: GuestContext): { readonly imports: HostInterfaces; drain(): void } {
  const [input, output, error] = [new StandardInput(context), new StandardOutput(context, 1), new StandardOutput(context, 2)];
  const { tty } = context.host.stdio;
  class TerminalInput {}
  class TerminalOutput {}
  const calling = <Result>(answer: () => Result) => (): Result => {
    context.called();
    return answer();
  };
  const terminalOutput = calling(() => (tty ? new TerminalOutput() : undefined));
  return {
    imports: {
      'wasi:cli/stdin': { getStdin: calling(() => input) },
      'wasi:cli/stdout': { getStdout: calling(() => output) },
      'wasi:cli/stderr': { getStderr: calling(() => error) },
      'wasi:cli/terminal-input': { TerminalInput },
      'wasi:cli/terminal-output': { TerminalOutput },
      'wasi:cli/terminal-stdin': { getTerminalStdin: calling(() => (tty ? new TerminalInput() : undefined)) },
      'wasi:cli/terminal-stdout': { getTerminalStdout: terminalOutput },
      'wasi:cli/terminal-stderr': { getTerminalStderr: terminalOutput },
    },
    drain(): void {
      output.drain();
      error.drain();
    },
  };
}

import type { Wait } from '../../../core/guest/host.ts';
import type { GuestContext, HostInterfaces } from '../host/guest-context.ts';
import { HostResource } from '../host/host-resource.ts';
import { InputStream, OutputStream, closed, largestTransfer } from './streams.ts';

/** Stdin: every handle reads from the same. */
class StandardInput extends InputStream {
  protected take(length: number): Uint8Array {
    const { stdio } = this.context.host;
    const target = new Uint8Array(length);
    if (length === 0) {
      if (stdio.readable() === -1) throw closed();
      return target;
    }
    const count = stdio.read(target);
    if (typeof count !== 'number') return target.subarray(0, 0);
    if (count === 0) throw closed();
    return target.subarray(0, count);
  }

  protected pending(): Wait | undefined {
    const { stdio } = this.context.host;
    const readable = (): boolean => stdio.readable() !== 0;
    return readable() ? undefined : { ready: readable };
  }
}

/** What the ring has no room for is held here, at most one write, until it has. */
class StandardPort {
  readonly #context: GuestContext;
  readonly #stream: 1 | 2;
  #held: Uint8Array | undefined;

  constructor(context: GuestContext, stream: 1 | 2) {
    this.#context = context;
    this.#stream = stream;
  }

  /** Delivered now, or by the check-write or flush that comes next, or at the guest's end. */
  put(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#held = bytes;
    this.deliver();
  }

  /** What to wait for until what is held can be delivered; undefined: nothing is held. */
  deliver(): Wait | undefined {
    if (this.#held === undefined) return undefined;
    const wait = this.#context.host.stdio.write(this.#stream, this.#held);
    if (wait === undefined) this.#held = undefined;
    return wait;
  }
}

/** Stdout or stderr: every handle writes to the same port. */
class StandardOutput extends OutputStream {
  readonly #port: StandardPort;

  constructor(context: GuestContext, port: StandardPort) {
    super(context);
    this.#port = port;
  }

  protected permit(): number {
    return this.#port.deliver() === undefined ? largestTransfer : 0;
  }

  protected accept(bytes: Uint8Array): void {
    this.#port.put(bytes);
  }

  protected deliver(): void {
    this.#port.deliver();
  }

  protected pending(): Wait | undefined {
    return this.#port.deliver();
  }
}

class TerminalInput extends HostResource {}
class TerminalOutput extends HostResource {}

/** `wasi:cli/stdin`, `stdout`, `stderr` and the terminals 0.2. */
export function createStdio(context: GuestContext): { readonly imports: HostInterfaces; drain(): void } {
  const [output, error] = [new StandardPort(context, 1), new StandardPort(context, 2)];
  const { tty } = context.host.stdio;
  const calling = <Result>(answer: () => Result) => (): Result => {
    context.called();
    return answer();
  };
  const terminalOutput = calling(() => (tty ? new TerminalOutput(context) : undefined));
  return {
    imports: {
      'wasi:cli/stdin': { getStdin: calling(() => new StandardInput(context)) },
      'wasi:cli/stdout': { getStdout: calling(() => new StandardOutput(context, output)) },
      'wasi:cli/stderr': { getStderr: calling(() => new StandardOutput(context, error)) },
      'wasi:cli/terminal-input': { TerminalInput },
      'wasi:cli/terminal-output': { TerminalOutput },
      'wasi:cli/terminal-stdin': { getTerminalStdin: calling(() => (tty ? new TerminalInput(context) : undefined)) },
      'wasi:cli/terminal-stdout': { getTerminalStdout: terminalOutput },
      'wasi:cli/terminal-stderr': { getTerminalStderr: terminalOutput },
    },
    drain(): void {
      for (const port of [output, error]) for (let wait = port.deliver(); wait !== undefined; wait = port.deliver()) context.host.blocker.waitNow(wait);
    },
  };
}

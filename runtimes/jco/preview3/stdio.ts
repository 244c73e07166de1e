import type { GuestContext, HostInterfaces } from '../host/guest-context.ts';
import { HostResource } from '../host/host-resource.ts';
import { done, drainInto, hostStream, pieceBytes } from './guest-streams.ts';
import type { GuestByteStream, HostStream, Outcome } from './guest-streams.ts';

/** `wasi:cli/types.error-code`. */
type ErrorCode = 'io' | 'illegal-byte-sequence' | 'pipe';

class TerminalInput extends HostResource {}
class TerminalOutput extends HostResource {}

/** `wasi:cli/stdin`, `stdout`, `stderr` and the terminals 0.3. */
export function createStdio(context: GuestContext): { readonly imports: HostInterfaces; drain(): Promise<void> } {
  const { blocker, stdio } = context.host;
  const writing = new Set<Promise<unknown>>();

  const readViaStream = (): [HostStream<Uint8Array>, Promise<Outcome<undefined, ErrorCode>>] => {
    context.called();
    const target = new Uint8Array(pieceBytes);
    return hostStream<Uint8Array, ErrorCode>(context, {
      async pull() {
        for (;;) {
          const count = stdio.read(target);
          if (typeof count === 'number') return count === 0 ? undefined : target.slice(0, count);
          await blocker.waitLater(count);
        }
      },
      failureOf: (error) => {
        throw error;
      },
    });
  };

  const deliver = async (stream: 1 | 2, bytes: Uint8Array): Promise<void> => {
    context.called();
    for (let wait = stdio.write(stream, bytes); wait !== undefined; wait = stdio.write(stream, bytes)) await blocker.waitLater(wait);
  };
  const writeTo = (stream: 1 | 2) => (data: GuestByteStream): Promise<Outcome<undefined, ErrorCode>> => {
    context.called();
    const written = drainInto(data, (bytes) => deliver(stream, bytes)).then(() => done);
    writing.add(written);
    void written.catch(() => {}).finally(() => writing.delete(written));
    return written;
  };

  const terminal = <Terminal>(make: () => Terminal) => (): Terminal | undefined => {
    context.called();
    return stdio.tty ? make() : undefined;
  };
  return {
    imports: {
      'wasi:cli/stdin@0.3': { readViaStream },
      'wasi:cli/stdout@0.3': { writeViaStream: writeTo(1) },
      'wasi:cli/stderr@0.3': { writeViaStream: writeTo(2) },
      'wasi:cli/types@0.3': {},
      'wasi:cli/terminal-input@0.3': { TerminalInput },
      'wasi:cli/terminal-output@0.3': { TerminalOutput },
      'wasi:cli/terminal-stdin@0.3': { getTerminalStdin: terminal(() => new TerminalInput(context)) },
      'wasi:cli/terminal-stdout@0.3': { getTerminalStdout: terminal(() => new TerminalOutput(context)) },
      'wasi:cli/terminal-stderr@0.3': { getTerminalStderr: terminal(() => new TerminalOutput(context)) },
    },
    /** Waits for what the guest had written when it ended; it writes no more. */
    async drain() {
      await Promise.race([Promise.allSettled(writing), new Promise((resolve) => setImmediate(resolve))]);
    },
  };
}

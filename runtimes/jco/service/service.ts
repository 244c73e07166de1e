import type { GuestExit, GuestTask } from '../../../core/api/runtime.ts';
import type { GuestHost, GuestListener } from '../../../core/guest/host.ts';
import { StartFailure } from '../guest-program.ts';
import type { GuestProgram } from '../guest-program.ts';
import { ConnectionStream } from '../http/connection-stream.ts';
import { HttpFront } from '../http/front.ts';
import { openNetwork } from '../network/network.ts';
import { ServiceInstances } from './service-instances.ts';

/**
 * Serves `wasi:http/handler` (0.3) or `wasi:http/incoming-handler` (0.2) on every port of the container until it is asked to
 * end; then it answers what has begun. Every request gets an instance of its own: what one leaves in memory none after it
 * sees, and a trap ends one request (docs/adr/0021-an-instance-for-each-http-request.md).
 */
export async function runService(program: GuestProgram, task: GuestTask, host: GuestHost): Promise<GuestExit> {
  const network = openNetwork(task);
  const instances = new ServiceInstances(program, task, host, network);
  void host.blocker.enter(() => {})();
  try {
    // A component that cannot be linked is told now, not to its first client.
    await instances.warmUp();
  } catch (error) {
    if (error instanceof StartFailure) return error.exit;
    throw error;
  }
  const front = new HttpFront({
    handler: async (request, respond) => {
      const instance = await instances.take();
      try {
        await instance.handle(request, respond);
      } finally {
        await instance.close();
      }
    },
    failed: (error, { method, path }) => report(host, `${method} ${path}: ${error instanceof Error ? error.message : 'failed'}`),
  });
  host.touch();
  const stop = host.stopRequested();
  let stopping = false;
  const accepting = host.listeners.map((listener) => acceptAll(listener, host, front, () => stopping));
  await stop;
  stopping = true;
  host.blocker.wake();
  await Promise.all(accepting);
  await front.drain();
  front.close();
  network.close();
  return { kind: 'exit', code: 0 };
}

async function acceptAll(listener: GuestListener, { blocker }: GuestHost, front: HttpFront, stopping: () => boolean): Promise<void> {
  for (;;) {
    await blocker.waitLater({ ready: () => stopping() || listener.waiting() > 0 });
    for (let connection = listener.accept(); connection !== undefined; connection = listener.accept()) front.accept(new ConnectionStream(connection, blocker));
    if (!stopping()) continue;
    listener.close();
    return;
  }
}

/** A line on the container's stderr, when there is room for it. */
function report(host: GuestHost, text: string): void {
  host.stdio.write(2, Buffer.from(`wasmlet: ${text}\n`));
}

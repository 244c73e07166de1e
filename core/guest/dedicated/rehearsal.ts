import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { controlBytes, nodeDescriptorBytes } from '../protocol.ts';
import type { GuestOrder, ThreadMessage } from '../protocol.ts';
import { createOutputRing } from '../rings/output-ring.ts';

const counted = (bytes: readonly number[]): number[] => [bytes.length, ...bytes];
const text = (name: string): number[] => counted([...new TextEncoder().encode(name)]);
const section = (id: number, ...bytes: number[]): number[] => [id, ...counted(bytes)];

/** A command of preview 1 that writes one byte to its stdout and sleeps for 200 µs. */
const program = Uint8Array.from([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  // Types: (i32, i32, i32, i32) → i32, () → ().
  ...section(1, 2, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 0),
  ...section(2, 2, ...text('wasi_snapshot_preview1'), ...text('fd_write'), 0, 0, ...text('wasi_snapshot_preview1'), ...text('poll_oneoff'), 0, 0),
  ...section(3, 1, 1),
  ...section(5, 1, 0, 1),
  ...section(7, 2, ...text('memory'), 2, 0, ...text('_start'), 0, 2),
  ...section(10, 1, ...counted([
    0,
    // The iovec at 0: one byte at 0.
    0x41, 4, 0x41, 1, 0x36, 2, 0, 0x41, 1, 0x41, 0, 0x41, 1, 0x41, 0x80, 1, 0x10, 0, 0x1a,
    // The subscription at 0: a clock's, 200,000 ns from now.
    0x41, 24, 0x42, 0xc0, 0x9a, 0x0c, 0x37, 3, 0, 0x41, 0, 0x41, 0xc0, 0, 0x41, 1, 0x41, 0x80, 1, 0x10, 1, 0x1a, 0x0b,
  ])),
]);

/**
 * Takes the calling thread through all that a container's start needs of it, from the order to the guest's waiting, before there is a
 * container: code that runs for the first time takes several times as long. `serve` is what serves the thread's own port.
 * @throws Error when the runtime cannot run a preview-1 command
 */
export async function rehearse(runtimeUrl: string, serve: (port: MessagePort) => void): Promise<void> {
  const { port1: port, port2 } = new MessageChannel();
  serve(port2);
  try {
    port.postMessage(orderOf(runtimeUrl, new WebAssembly.Module(program)));
    await over(port);
  } finally {
    port.close();
  }
}

function orderOf(runtimeUrl: string, module: WebAssembly.Module): GuestOrder {
  return {
    runtimeUrl,
    mayReuse: true,
    landlock: false,
    task: { containerId: '', argv: ['rehearsal'], env: [['HOSTNAME', 'rehearsal']], cwd: '/', isolation: 'dedicated', tty: false, modules: { main: module } },
    mounts: [],
    descriptors: 16,
    nodeDescriptors: new SharedArrayBuffer(nodeDescriptorBytes),
    memoryBytes: 65_536,
    growRefusedExport: '',
    control: new SharedArrayBuffer(controlBytes),
    output: createOutputRing(),
  };
}

function over(port: MessagePort): Promise<void> {
  return new Promise((resolve, reject) => {
    port.on('message', (message: ThreadMessage) => {
      if (message.kind === 'exit' && message.exit.kind === 'exit') resolve();
      else if (message.kind !== 'doorbell') reject(new Error(`the rehearsal went wrong: ${JSON.stringify(message)}`));
    });
  });
}

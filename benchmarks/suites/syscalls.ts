import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import wabt from 'wabt';
import type { RuntimeThread } from '../../core/api/runtime.ts';
import { createDedicatedHost } from '../../core/guest/dedicated/dedicated-host.ts';
import type { GuestHost } from '../../core/guest/host.ts';
import { OutputRingReader } from '../../core/guest/rings/output-ring.ts';
import { controlBytes, nodeDescriptorBytes, outputRingBytes, ringHeaderBytes } from '../../core/guest/protocol.ts';
import type { GuestOrder } from '../../core/guest/protocol.ts';
import { SharedBlocker } from '../../core/guest/shared/shared-blocker.ts';
import { testScheduler } from '../../test/support/shared-guests.ts';
import type { Measurement } from '../harness/results.ts';
import type { LocalSuite } from './suite.ts';

/** Exports of benchmarks/modules/syscalls.wat, and how often each is called for a sample; a ring holds a thousand records. */
const calls = { fd_write: 1000, 'clock_time_get monotonic': 1000, 'clock_time_get realtime': 1000, random_get: 1000, 'fd_seek, fd_read': 300, path_open: 100, poll_oneoff: 100 } as const;
/** V8 compiles what it has seen often, so the first rounds are not counted. */
const warmUpRounds = 200;

/** One implementation of preview 1 with its guest. */
interface Subject {
  readonly name: string;
  call(name: string, count: number): void | Promise<void>;
  /** Frees the log ring, as the main thread would. */
  drain(): void;
  end(): Promise<void>;
}

/**
 * What a host call costs, in the benchmark's own thread: every runtime's, on both classes, and node:wasi's without us, which
 * writes to /dev/null. The round's ratios count: all subjects see the same machine.
 */
export const syscalls: LocalSuite = {
  bed: 'local',
  description: 'ns of a host call: each runtime beside raw node:wasi, call by call in the same round; its output goes to the log ring, node:wasi\'s to /dev/null',
  defaults: { n: 300 },
  parameters: ({ n }) => ({ n }),
  async run(bed, { n }) {
    const directory = join(bed.directory, 'files');
    mkdirSync(directory);
    writeFileSync(join(directory, 'file'), 'x'.repeat(4096));
    const module = await assemble();
    const subjects = [
      rawNodeWasi(module, directory),
      await guestOf('wasi', 'dedicated', module, directory),
      await guestOf('wasi', 'shared', module, directory),
      await guestOf('node-wasi', 'dedicated', module, directory),
      await guestOf('wasmer', 'dedicated', module, directory),
    ];
    const cells = Object.entries(calls).map(([name, count]) => ({ name, count, samples: subjects.map((): number[] => []) }));
    for (let round = -warmUpRounds; round < n; round++) {
      if (round % 100 === 0) bed.progress(`syscalls: ${Math.max(round, 0)} of ${n} rounds done`);
      for (const { name, count, samples } of cells) {
        const order = subjects.map((subject, index) => ({ subject, into: samples[index]! }));
        // Whoever comes first in one round comes last in the next.
        for (const { subject, into } of round % 2 === 0 ? order : order.reverse()) {
          // Its code and the ring are in the processor's caches by then, whoever came before.
          await subject.call(name, Math.ceil(count / 10));
          subject.drain();
          const began = process.hrtime.bigint();
          await subject.call(name, count);
          const took = Number(process.hrtime.bigint() - began);
          if (round >= 0) into.push(took / count);
        }
      }
    }
    for (const subject of subjects) await subject.end();
    return cells.flatMap(({ name, samples }) => {
      const [raw] = samples as [number[]];
      return subjects.flatMap((subject, index): Measurement[] => {
        const own = samples[index]!;
        const row = (unit: Measurement['unit'], each: readonly number[]): Measurement => ({ metric: name, unit, subject: subject.name, variant: '', samples: each });
        return index === 0 ? [row('ns', own)] : [row('ns', own), row('%', own.map((value, round) => (100 * value) / raw[round]!))];
      });
    });
  },
};

async function assemble(): Promise<WebAssembly.Module> {
  const source = join(import.meta.dirname, '../modules/syscalls.wat');
  const parsed = (await wabt()).parseWat(source, readFileSync(source, 'utf8'));
  try {
    return new WebAssembly.Module(new Uint8Array(parsed.toBinary({}).buffer));
  } finally {
    parsed.destroy();
  }
}

function rawNodeWasi(module: WebAssembly.Module, directory: string): Subject {
  const { WASI } = process.getBuiltinModule('node:wasi');
  const nowhere = openSync('/dev/null', 'r+');
  const wasi = new WASI({ version: 'preview1', preopens: { '/data': directory }, stdin: nowhere, stdout: nowhere, stderr: nowhere });
  const instance = new WebAssembly.Instance(module, wasi.getImportObject() as WebAssembly.Imports);
  wasi.start(instance);
  return { name: 'node:wasi alone', call: (name, count) => (instance.exports[name] as (count: number) => void)(count), drain() {}, end: async () => closeSync(nowhere) };
}

/** A guest of a runtime that has been started and not yet ended: its entry waits until the benchmark is over. */
async function guestOf(runtime: string, isolation: 'dedicated' | 'shared', module: WebAssembly.Module, directory: string): Promise<Subject> {
  const adapter = (await import(`../../runtimes/${runtime}/thread.ts`)) as RuntimeThread;
  const task = { containerId: 'benchmark', argv: ['benchmark'], env: [], cwd: '/', isolation, tty: false, modules: { main: module } } as const;
  const output = new SharedArrayBuffer(ringHeaderBytes + outputRingBytes);
  const order: GuestOrder = { runtimeUrl: '', task, mounts: [{ guestPath: '/data', hostPath: directory, readOnly: false }], descriptors: 64, nodeDescriptors: new SharedArrayBuffer(nodeDescriptorBytes), growRefusedExport: '', mayReuse: false, landlock: false, control: new SharedArrayBuffer(controlBytes), output };
  const { host } = createDedicatedHost(order, () => {}, () => {});
  const blocker: GuestHost['blocker'] = isolation === 'shared' ? new SharedBlocker(testScheduler().scheduler.admit(0, () => {}), () => {}) : host.blocker;
  let release!: () => void;
  const over = new Promise<void>((resolve) => (release = resolve));
  let began!: (instance: WebAssembly.Instance) => void;
  const running = new Promise<WebAssembly.Instance>((resolve) => (began = resolve));
  let made: WebAssembly.Instance;
  const ended = adapter.start(task, {
    ...host,
    blocker: Object.assign(blocker, { enter: () => () => (began(made), over) }),
    instantiate: (given: WebAssembly.Module, imports: WebAssembly.Imports) => (made = new WebAssembly.Instance(given, imports)),
  });
  const instance = await running;
  const reader = new OutputRingReader(output);
  const entries = Object.fromEntries(Object.keys(calls).map((name) => {
    const exported = instance.exports[name] as (count: number) => void;
    return [name, isolation === 'shared' ? (WebAssembly.promising(exported)) : exported];
  }));
  return {
    name: `${runtime}, ${isolation}`,
    call: async (name, count) => void (await entries[name]!(count)),
    drain() {
      reader.read();
      reader.release();
    },
    async end() {
      release();
      await ended;
    },
  };
}

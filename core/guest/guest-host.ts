import type { ControlBlock } from './control-block.ts';
import type { Doom } from './ending/doom.ts';
import { ExitSignal } from './ending/exit.ts';
import type { Blocker, GuestClock, GuestHost } from './host.ts';
import { ByteRingReader } from './rings/byte-ring.ts';
import { MemoryBudget } from './memory/memory-budget.ts';
import type { OutputRingWriter } from './rings/output-ring.ts';
import { controlWord, nodeDescriptorWord } from './protocol.ts';
import type { ContainerOrder } from './protocol.ts';
import { fillRandom } from './random.ts';
import { createGuestListeners } from './sockets/guest-sockets.ts';
import { RingStdio } from './rings/stdio.ts';

/** What the kind of thread decides: how a guest waits, what its CPU time is, how it is ended. */
export interface HostPlace {
  readonly blocker: Blocker;
  readonly clock: GuestClock;
  readonly doom: Doom;
  /** The guest's control block. */
  readonly control: ControlBlock;
  /** `nodeDescriptorWord`. */
  readonly nodeDescriptors: Int32Array;
  readonly output: OutputRingWriter;
  /** The number that tags this guest's records in the ring. */
  readonly container: number;
  /** Makes the main thread look at control block and rings. */
  readonly ringDoorbell: () => void;
  readonly instantiate: GuestHost['instantiate'];
}

/** Beside its volumes and ports, what a guest may have open whatever others have: stdin, stdout, stderr and a file. */
const everyonesDescriptors = 4;

/** The host of one guest. Its functions may be called by themselves; they keep nothing of the order, since thousands of guests wait. */
export function createGuestHost(order: ContainerOrder, { blocker, clock, doom, control, nodeDescriptors, output, container, ringDoorbell, instantiate }: HostPlace): GuestHost {
  const { growRefusedExport } = order;
  const budget = new MemoryBudget(order.memoryBytes);
  const exhausted = (counted: MemoryBudget, instances: readonly WebAssembly.Instance[]): boolean => counted.exhausted || instances.some((instance) => {
    const refused = instance.exports[growRefusedExport];
    return refused instanceof WebAssembly.Global && Number(refused.value) > 0;
  });
  const listeners = createGuestListeners(order.sockets);
  const ownDescriptors = everyonesDescriptors + order.mounts.length + listeners.length;
  let descriptors = 0;
  let touched = false;
  const host: GuestHost = {
    blocker,
    clock,
    stdio: new RingStdio({
      tty: order.task.tty,
      container,
      output,
      ...(order.input === undefined ? {} : { input: new ByteRingReader(order.input, ringDoorbell) }),
    }),
    mounts: order.mounts,
    listeners,
    limits: { descriptors: order.descriptors, ...(order.memoryBytes === undefined ? {} : { memoryBytes: order.memoryBytes }) },
    random: fillRandom,
    instantiate: (module, imports) => budget.instantiate(module, () => instantiate(module, imports)),
    budget,
    touch() {
      if (doom.doomed !== undefined) throw doom.doomed;
      if (touched) return;
      touched = true;
      control.store(controlWord.touched, 1);
      ringDoorbell();
    },
    exit(code) {
      const signal = new ExitSignal(code);
      doom.doom(signal);
      throw signal;
    },
    stopRequested() {
      control.store(controlWord.takesStop, 1);
      return blocker.waitLater({ ready: () => control.load(controlWord.stopRequested) === 1 });
    },
    reportMemory: (bytes) => void control.store(controlWord.memoryKibibytes, Math.ceil(bytes / 1024)),
    reportDescriptors(count) {
      control.store(controlWord.descriptors, count);
      Atomics.add(nodeDescriptors, nodeDescriptorWord.held, count - descriptors);
      descriptors = count;
    },
    nodeHasDescriptors: () => descriptors < ownDescriptors || Atomics.load(nodeDescriptors, nodeDescriptorWord.held) < Atomics.load(nodeDescriptors, nodeDescriptorWord.limit),
    memoryExhausted: (instances) => exhausted(budget, instances),
    part() {
      const own = budget.part();
      const report = (): void => host.reportMemory(budget.bytes);
      const part: Partial<GuestHost> & { end(): void } = {
        budget: own,
        instantiate: (module, imports) => own.instantiate(module, () => instantiate(module, imports)),
        reportMemory: report,
        memoryExhausted: (instances) => exhausted(own, instances),
        end() {
          own.end();
          report();
        },
      };
      return { ...host, ...part };
    },
  };
  return host;
}

import { ByteRingWriter, createByteRing } from '../../guest/rings/byte-ring.ts';
import { inputRingBytes } from '../../guest/protocol.ts';

/** A container's stdin: filled by whoever is attached, from before its guest begins until it has ended. */
export class ContainerInput {
  readonly memory = createByteRing(inputRingBytes);
  #wakeGuest: () => void = () => {};
  readonly #ring = new ByteRingWriter(this.memory, () => this.#wakeGuest());
  /** Attached writers that found the ring full. */
  readonly #waiting: (() => void)[] = [];
  #ended = false;

  /** From now on the guest is woken when there is something to read. */
  connect(wakeGuest: () => void): void {
    this.#wakeGuest = wakeGuest;
  }

  /** The guest may have made space. */
  spaceMayBeFree(): void {
    const waiting = this.#waiting.splice(0);
    for (const resume of waiting) resume();
  }

  /** Nobody reads any more: writers are told. */
  end(): void {
    this.#ended = true;
    this.spaceMayBeFree();
  }

  /** One attached writer's end. Closing it ends the guest's stdin; aborting it leaves stdin open for the next one. */
  stream(): WritableStream<Uint8Array> {
    return new WritableStream<Uint8Array>({
      write: async (bytes) => {
        for (let rest = bytes; rest.length > 0; ) {
          if (this.#ended) throw new Error('the container has ended');
          const written = this.#ring.write(rest);
          rest = rest.subarray(written);
          if (written === 0) await this.#space();
        }
      },
      close: () => this.#ring.close(),
    });
  }

  #space(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** The stdin of a container that has none. */
export function refusedInput(): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    write() {
      throw new Error('container does not have stdin enabled');
    },
  });
}

import { refuse } from './error-code.ts';

const second = 1_000_000_000n;
const defaultBuffer = 65_536n;
const largestBuffer = 4n * 1024n * 1024n;

/** Options of a socket, as the guest set them. Node has calls for few; the others are kept and read back. */
export class SocketOptions {
  keepAlive = false;
  #keepAliveIdle = 7_200n * second;
  #keepAliveInterval = 75n * second;
  #keepAliveCount = 9;
  #hopLimit = 64;
  #receiveBuffer = defaultBuffer;
  #sendBuffer = defaultBuffer;

  clone(): SocketOptions {
    const copy = new SocketOptions();
    copy.keepAlive = this.keepAlive;
    copy.#keepAliveIdle = this.#keepAliveIdle;
    copy.#keepAliveInterval = this.#keepAliveInterval;
    copy.#keepAliveCount = this.#keepAliveCount;
    copy.#hopLimit = this.#hopLimit;
    copy.#receiveBuffer = this.#receiveBuffer;
    copy.#sendBuffer = this.#sendBuffer;
    return copy;
  }

  get keepAliveIdle(): bigint {
    return this.#keepAliveIdle;
  }

  set keepAliveIdle(value: bigint) {
    this.#keepAliveIdle = wholeSeconds(value);
  }

  get keepAliveInterval(): bigint {
    return this.#keepAliveInterval;
  }

  set keepAliveInterval(value: bigint) {
    this.#keepAliveInterval = wholeSeconds(value);
  }

  get keepAliveCount(): number {
    return this.#keepAliveCount;
  }

  set keepAliveCount(value: number) {
    if (value === 0) refuse('invalid-argument');
    this.#keepAliveCount = Math.min(value, 127);
  }

  get hopLimit(): number {
    return this.#hopLimit;
  }

  set hopLimit(value: number) {
    if (value === 0) refuse('invalid-argument');
    this.#hopLimit = value;
  }

  get receiveBuffer(): bigint {
    return this.#receiveBuffer;
  }

  set receiveBuffer(value: bigint) {
    this.#receiveBuffer = bufferSize(value);
  }

  get sendBuffer(): bigint {
    return this.#sendBuffer;
  }

  set sendBuffer(value: bigint) {
    this.#sendBuffer = bufferSize(value);
  }
}

/** As the kernel counts; what is longer than it knows is its longest. */
function wholeSeconds(value: bigint): bigint {
  if (value === 0n) refuse('invalid-argument');
  const seconds = (value + second - 1n) / second;
  return (seconds < 32_767n ? seconds : 32_767n) * second;
}

function bufferSize(value: bigint): bigint {
  if (value === 0n) refuse('invalid-argument');
  return value < largestBuffer ? value : largestBuffer;
}

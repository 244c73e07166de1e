import type { MessagePort, Worker } from 'node:worker_threads';
import { messageOf } from '../../api/errors.ts';
import type { SocketOrder } from '../../guest/sockets/socket-protocol.ts';

export interface StartedThreadOptions {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** The kernel's id of the thread. */
  readonly tid: number;
  /** Makes the pool forget the thread and terminate it. */
  readonly abandon: () => void;
}

/** How a thread came to its end. */
export interface ThreadDeath {
  /** By `terminate`. */
  readonly asked: boolean;
  readonly message: string;
  /** Its JavaScript heap was full. */
  readonly outOfMemory: boolean;
}

/** The main thread's end of a thread that is ready, as its pool hands it over. */
export class StartedThread {
  readonly tid: number;
  /** Resolves when the thread is gone. */
  readonly gone: Promise<ThreadDeath>;
  readonly #port: MessagePort;
  readonly #abandon: () => void;
  #alive = true;

  constructor({ worker, port, tid, abandon }: StartedThreadOptions) {
    this.tid = tid;
    this.#port = port;
    this.#abandon = abandon;
    const { promise, resolve } = Promise.withResolvers<ThreadDeath>();
    this.gone = promise;
    let crash: Omit<ThreadDeath, 'asked'> | undefined;
    worker.once('error', (error: Error & { code?: string }) => {
      crash = { message: messageOf(error), outOfMemory: error.code === 'ERR_WORKER_OUT_OF_MEMORY' };
    });
    worker.once('exit', (code) => {
      port.close();
      resolve({ asked: !this.#alive, message: `the thread ended with code ${code}`, outOfMemory: false, ...crash });
      this.#alive = false;
    });
  }

  /** True until the thread was told to end or has died. */
  get alive(): boolean {
    return this.#alive;
  }

  /** `take` gets everything that the thread says, of the type that its task says. Once, in the turn in which it is handed over. */
  listen<Message>(take: (message: Message) => void): void {
    this.#port.on('message', take);
  }

  /** An order, and the container's sockets with it. */
  post(order: object, sockets?: SocketOrder): void {
    this.#port.postMessage(order, sockets === undefined ? [] : [sockets.port]);
  }

  /** Ends the thread, whatever its guests do. Idempotent. */
  terminate(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#abandon();
  }
}

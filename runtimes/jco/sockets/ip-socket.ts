import { attemptAs, ComponentFailure } from '../host/component-failure.ts';
import { HostResource } from '../host/host-resource.ts';
import type { IpAddressFamily } from './address.ts';
import { SocketOptions } from './socket-options.ts';
import type { SocketPolicy } from './socket-policy.ts';

/** How a version of `wasi:sockets` says what went wrong. */
export interface Words {
  /** @throws the error itself when it is no socket's */
  errorCodeOf(error: unknown): unknown;
  /** The guest has as many sockets as it may have. */
  readonly socketLimit: unknown;
}

/**
 * What TCP and UDP sockets of WASI 0.2 and 0.3 have in common: one of the guest's sockets until its handle and the last stream on
 * it are gone. Methods have 0.3's names; what fails throws the version's `error-code` as ComponentFailure.
 */
export abstract class IpSocket extends HostResource {
  protected readonly policy: SocketPolicy;
  protected readonly family: IpAddressFamily;
  protected readonly options: SocketOptions;
  readonly #words: Words;
  /** The handle, and each stream that is still in use. */
  #holders = 1;

  /** @throws `socketLimit` as ComponentFailure */
  constructor(words: Words, policy: SocketPolicy, family: IpAddressFamily, options = new SocketOptions()) {
    super(policy.context);
    if (!policy.open()) {
      super[Symbol.dispose]();
      throw new ComponentFailure(words.socketLimit);
    }
    this.policy = policy;
    this.family = family;
    this.options = options;
    this.#words = words;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.release();
  }

  /** For a stream on it. */
  hold(): void {
    this.#holders++;
  }

  release(): void {
    if (--this.#holders > 0) return;
    this.close();
    this.policy.closed();
  }

  getAddressFamily(): IpAddressFamily {
    return this.family;
  }

  getReceiveBufferSize(): bigint {
    return this.options.receiveBuffer;
  }

  setReceiveBufferSize(value: bigint): void {
    this.attempt(() => (this.options.receiveBuffer = value));
  }

  getSendBufferSize(): bigint {
    return this.options.sendBuffer;
  }

  setSendBufferSize(value: bigint): void {
    this.attempt(() => (this.options.sendBuffer = value));
  }

  /** Gives back what the socket has of the node; may be called twice. */
  protected abstract close(): void;

  /** Makes `result<_, error-code>` of what a call says. */
  protected attempt<Result>(action: () => Result): Result {
    this.context.called();
    return attemptAs((error) => this.#words.errorCodeOf(error), action);
  }
}

import type { RequestTimeouts } from '../../http/message.ts';
import { ComponentFailure } from '../../host/component-failure.ts';
import { HostResource } from '../../host/host-resource.ts';
import type { HttpResources } from './http-types.ts';

/** `wasi:http/types.request-options` 0.3. Durations are in nanoseconds. */
export class RequestOptions extends HostResource {
  readonly #resources: HttpResources;
  #timeouts: RequestTimeouts;
  #frozen = false;

  constructor(resources: HttpResources, values?: RequestOptions) {
    super(resources.context);
    this.#resources = resources;
    this.#timeouts = values?.timeouts ?? { connect: undefined, firstByte: undefined, betweenBytes: undefined };
  }

  get timeouts(): RequestTimeouts {
    return this.#timeouts;
  }

  /** Every later change is an `immutable` error. */
  freeze(): this {
    this.#frozen = true;
    return this;
  }

  getConnectTimeout(): bigint | undefined {
    return this.#timeouts.connect;
  }

  setConnectTimeout(connect: bigint | undefined): void {
    this.#change({ connect });
  }

  getFirstByteTimeout(): bigint | undefined {
    return this.#timeouts.firstByte;
  }

  setFirstByteTimeout(firstByte: bigint | undefined): void {
    this.#change({ firstByte });
  }

  getBetweenBytesTimeout(): bigint | undefined {
    return this.#timeouts.betweenBytes;
  }

  setBetweenBytesTimeout(betweenBytes: bigint | undefined): void {
    this.#change({ betweenBytes });
  }

  clone(): RequestOptions {
    this.context.called();
    return this.#resources.options(this);
  }

  #change(change: Partial<RequestTimeouts>): void {
    this.context.called();
    if (this.#frozen) throw new ComponentFailure({ tag: 'immutable' });
    this.#timeouts = { ...this.#timeouts, ...change };
  }
}

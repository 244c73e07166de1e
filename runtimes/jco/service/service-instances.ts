import type { GuestExit, GuestTask } from '../../../core/api/runtime.ts';
import type { GuestHost } from '../../../core/guest/host.ts';
import { StartFailure, exportedFunction } from '../guest-program.ts';
import type { GuestProgram } from '../guest-program.ts';
import { createHosts } from '../hosts.ts';
import type { Hosts } from '../hosts.ts';
import { HttpFailure } from '../http/error-code.ts';
import type { ErrorCode } from '../http/error-code.ts';
import type { HttpHandler } from '../http/message.ts';
import type { Network } from '../network/network.ts';
import type { ComponentExports } from '../prepare/prepare.ts';
import { GuestContext } from '../host/guest-context.ts';
import { IncomingRequest } from '../preview2/http/requests.ts';
import { ResponseOutparam } from '../preview2/http/responses.ts';
import { done } from '../preview3/guest-streams.ts';
import { Request } from '../preview3/http/request.ts';
import type { Response } from '../preview3/http/response.ts';

/** How a request's instance ended without an answer. */
export class HandlerEnded extends Error {
  readonly exit: GuestExit;

  constructor(exit: GuestExit) {
    super('message' in exit ? exit.message : `it exited with code ${exit.kind === 'exit' ? exit.code : ''}`);
    this.name = 'HandlerEnded';
    this.exit = exit;
  }
}

/** Makes the instances of a service: one for each request, and one in advance. All count against the container's memory. */
export class ServiceInstances {
  readonly #program: GuestProgram;
  readonly #task: GuestTask;
  readonly #host: GuestHost;
  readonly #network: Network;
  readonly #descriptors = new Map<ServiceInstance, number>();
  readonly #freed: (() => void)[] = [];
  #open = 0;
  #spare: Promise<ServiceInstance> | undefined;
  /** What an instance takes before it has done anything. */
  #initialBytes = 0;

  constructor(program: GuestProgram, task: GuestTask, host: GuestHost, network: Network) {
    this.#program = program;
    this.#task = task;
    this.#host = host;
    this.#network = network;
  }

  /** Makes the first instance. @throws StartFailure */
  async warmUp(): Promise<void> {
    const instance = await this.#make();
    this.#initialBytes = this.#host.budget.bytes;
    this.#spare = Promise.resolve(instance);
  }

  /** An instance that nobody has used. Waits while there is no memory for another. @throws StartFailure */
  async take(): Promise<ServiceInstance> {
    const spare = this.#spare;
    this.#spare = undefined;
    const instance = await (spare ?? this.#makeWhenThereIsRoom());
    // For the next request, while this one waits for something.
    if (this.#hasRoom()) {
      this.#spare = this.#make();
      this.#spare.catch(() => (this.#spare = undefined));
    }
    return instance;
  }

  async #makeWhenThereIsRoom(): Promise<ServiceInstance> {
    while (!this.#hasRoom() && this.#open > 0) await new Promise<void>((resolve) => this.#freed.push(resolve));
    return this.#make();
  }

  #hasRoom(): boolean {
    const { memoryBytes } = this.#host.limits;
    return memoryBytes === undefined || this.#host.budget.bytes + this.#initialBytes <= memoryBytes;
  }

  async #make(): Promise<ServiceInstance> {
    const part = this.#host.part();
    const report = (): void => this.#host.reportDescriptors(total(this.#descriptors));
    const host: GuestHost = {
      ...part,
      reportDescriptors: (count) => {
        this.#descriptors.set(instance, count);
        report();
      },
    };
    const instance: ServiceInstance = new ServiceInstance(this.#program, this.#task, host, this.#network, () => {
      part.end();
      this.#open--;
      this.#descriptors.delete(instance);
      report();
      for (const resolve of this.#freed.splice(0)) resolve();
    });
    this.#open++;
    try {
      await instance.open();
    } catch (error) {
      await instance.close();
      throw error;
    }
    return instance;
  }
}

function total(values: ReadonlyMap<unknown, number>): number {
  let sum = 0;
  for (const value of values.values()) sum += value;
  return sum;
}

/** One instance of the component, for one request. */
export class ServiceInstance {
  readonly #program: GuestProgram;
  readonly #context: GuestContext;
  readonly #network: Network;
  #hosts: Hosts | undefined;
  #exports: ComponentExports | undefined;
  #closed: (() => void) | undefined;

  /** `closed` is called once, after `close`. */
  constructor(program: GuestProgram, task: GuestTask, host: GuestHost, network: Network, closed: () => void) {
    this.#closed = closed;
    this.#program = program;
    this.#context = new GuestContext(task, host, program.glue.suspends);
    this.#network = network;
  }

  /** @throws StartFailure */
  async open(): Promise<void> {
    this.#hosts = createHosts(this.#context, this.#network);
    const missing = this.#program.missingFrom(this.#hosts.imports);
    if (missing !== undefined) throw new StartFailure(missing);
    this.#exports = await this.#program.instantiate(this.#context, this.#hosts.imports);
    if (exportedFunction(this.#exports, 'wasi:http/handler@0.3.', 'handle') === undefined && exportedFunction(this.#exports, 'wasi:http/incoming-handler@0.2.', 'handle') === undefined) {
      throw new StartFailure({ kind: 'start-error', code: 'ENTRY_POINT_MISSING', message: 'the component exports no wasi:http/handler@0.3 and no wasi:http/incoming-handler@0.2' });
    }
  }

  /** As HttpHandler. @throws HandlerEnded when the guest trapped or asked to exit */
  async handle(...[request, respond]: Parameters<HttpHandler>): Promise<void> {
    const handle = exportedFunction(this.#exports!, 'wasi:http/handler@0.3.', 'handle');
    try {
      const handled = handle === undefined ? this.#handle02(request, respond) : this.#handle03(handle, request, respond);
      await Promise.race([handled, this.#context.left.then(() => Promise.reject(this.#context.exit!))]);
    } catch (error) {
      if (error instanceof HttpFailure) throw error;
      throw new HandlerEnded(this.#program.endOf(this.#context, error));
    }
  }

  async close(): Promise<void> {
    const closed = this.#closed;
    this.#closed = undefined;
    try {
      await this.#hosts?.close();
    } finally {
      closed?.();
    }
  }

  async #handle02(...[request, respond]: Parameters<HttpHandler>): Promise<void> {
    const handle = exportedFunction(this.#exports!, 'wasi:http/incoming-handler@0.2.', 'handle')!;
    await handle(new IncomingRequest(this.#context, request), new ResponseOutparam(this.#context, respond));
  }

  async #handle03(handle: (...args: unknown[]) => unknown, ...[request, respond]: Parameters<HttpHandler>): Promise<void> {
    let answer: unknown;
    try {
      answer = await handle(Request.incoming(this.#hosts!.http, request));
    } catch (error) {
      if (!isErrorCode(error)) throw error;
      respond(error);
      return;
    }
    if (!(answer instanceof this.#hosts!.http.Response)) throw new Error('the handler answered what is no response');
    await transmit(answer, respond);
  }
}

/** Answers, and waits until the body has gone out: the guest writes it after `handle` has returned. */
async function transmit(answer: Response, respond: Parameters<HttpHandler>[1]): Promise<void> {
  const { response, sent } = answer.take();
  const transmitted = Promise.withResolvers<void>();
  const { body } = response;
  const settle = (failure?: ErrorCode): void => {
    sent(failure === undefined ? done : { tag: 'err', val: failure });
    transmitted.resolve();
  };
  respond({
    ...response,
    body: {
      read: () => watched(body.read(), settle),
      // The end of a message that went well.
      trailers: () => watched(body.trailers(), settle).then((trailers) => {
        settle();
        return trailers;
      }),
      cancel: () => {
        body.cancel();
        settle({ tag: 'connection-terminated' });
      },
    },
  });
  await transmitted.promise;
}

async function watched<Value>(value: Promise<Value>, failed: (failure: ErrorCode) => void): Promise<Value> {
  try {
    return await value;
  } catch (error) {
    failed(error instanceof HttpFailure ? error.code : { tag: 'internal-error', val: undefined });
    throw error;
  }
}

function isErrorCode(error: unknown): error is ErrorCode {
  return typeof error === 'object' && error !== null && !(error instanceof Error) && 'tag' in error;
}

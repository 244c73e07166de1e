import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Event } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import { apiTime } from '../../pod/status/api-time.ts';
import type { ApiClient } from '../api/api-client.ts';
import { isConflict, isNotFound, isRefused } from '../api/api-error.ts';
import { resourcePath } from '../api/resources.ts';
import type { EventRecorder, EventType, ObjectReference } from '../kube.ts';
import { EventCorrelator } from './event-correlator.ts';

interface Pending {
  readonly object: ObjectReference;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
  readonly time: number;
}

/** Why an event never reached the API server: too many waited, its pod makes too many, the API server takes none like it, it failed for two minutes. */
export type DropCause = 'queue_full' | 'spam' | 'refused' | 'given_up';

export interface ApiEventRecorderOptions {
  readonly api: ApiClient;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of each one. */
  readonly onDropped?: (cause: DropCause) => void;
}

/** Events are news for people: the API server has the status of the same pod before them. */
const lingerMilliseconds = 50;
const queueLength = 1000;
/** With so many calls under way the API server is busy with what pods wait for: events come after, but not for ever. */
const busyCalls = 8;
const longestPause = 1000;
const tries = 12;
const retryInterval = 10_000;
/** validation.ValidateEvent refuses a longer message. */
const longestMessage = 1024;

/** Sends core/v1 Events one after another in the background. What cannot be sent for two minutes is dropped; so is what does not fit the queue. */
export class ApiEventRecorder implements EventRecorder {
  readonly #api: ApiClient;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #correlator = new EventCorrelator();
  /** Names of the events that exist, by correlation key. */
  readonly #names = new Map<string, string>();
  readonly #queue: Pending[] = [];
  readonly #stopped = new AbortController();
  /** Nothing is waited for any more. */
  readonly #hurry = new AbortController();
  #sending: Promise<void> | undefined;
  readonly #onDropped: (cause: DropCause) => void;
  #dropped = 0;
  #sequence = 0;

  constructor({ api, nodeName, clock, logger, onDropped = () => {} }: ApiEventRecorderOptions) {
    this.#api = api;
    this.#host = nodeName;
    this.#clock = clock;
    this.#logger = logger;
    this.#onDropped = onDropped;
  }

  event(object: ObjectReference, type: EventType, reason: string, message: string): void {
    if (this.#stopped.signal.aborted) return;
    if (this.#queue.length >= queueLength) {
      this.#onDropped('queue_full');
      if (this.#dropped++ === 0) this.#logger.warn({ reason }, 'Too many events wait for the API server, further ones are dropped');
      return;
    }
    this.#queue.push({ object, type, reason, message: message.slice(0, longestMessage), time: this.#clock.now() });
    this.#wake();
  }

  /** Waits at most `milliseconds` for what is queued, then drops the rest. */
  async stop(milliseconds: number): Promise<void> {
    this.#hurry.abort();
    const cancel = this.#clock.after(milliseconds, () => this.#stopped.abort());
    await this.#sending;
    cancel();
    this.#stopped.abort();
    if (this.#queue.length > 0) this.#logger.warn({ dropped: this.#queue.length }, 'Events were not sent before the end');
  }

  #wake(): void {
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = undefined;
      if (this.#queue.length > 0 && !this.#stopped.signal.aborted) this.#wake();
    });
  }

  async #drain(): Promise<void> {
    await this.#clock.sleep(lingerMilliseconds, this.#hurry.signal);
    for (let next = this.#queue[0]; next !== undefined && !this.#stopped.signal.aborted; next = this.#queue[0]) {
      await this.#pass(next);
      if (!this.#stopped.signal.aborted) this.#queue.shift();
    }
    if (this.#dropped > 0) this.#logger.warn({ dropped: this.#dropped }, 'Events were dropped');
    this.#dropped = 0;
  }

  async #pass(pending: Pending): Promise<void> {
    const correlated = this.#correlator.correlate(pending, pending.time);
    if (correlated.outcome === 'dropped') {
      this.#onDropped('spam');
      return;
    }
    await this.#whenCalm();
    await this.#deliver(pending, correlated);
  }

  async #whenCalm(): Promise<void> {
    for (let waited = 0; this.#api.underWay >= busyCalls && waited < longestPause && !this.#hurry.signal.aborted; waited += lingerMilliseconds) {
      await this.#clock.sleep(lingerMilliseconds, this.#hurry.signal);
    }
  }

  async #deliver(pending: Pending, correlated: { key: string; message: string; count: number; firstTime: number }): Promise<void> {
    for (let attempt = 1; attempt <= tries && !this.#stopped.signal.aborted; attempt++) {
      try {
        await this.#send(pending, correlated);
        return;
      } catch (error) {
        // Refused for good: the namespace is going away, or the object is not valid.
        if (isRefused(error)) {
          this.#logger.warn({ error: messageOf(error), reason: pending.reason }, 'Event was refused');
          this.#onDropped('refused');
          return;
        }
        if (attempt === tries) {
          this.#logger.warn({ error: messageOf(error), reason: pending.reason }, 'Event was given up');
          this.#onDropped('given_up');
        } else await this.#clock.sleep(retryInterval, this.#stopped.signal);
      }
    }
  }

  async #send(pending: Pending, { key, message, count, firstTime }: { key: string; message: string; count: number; firstTime: number }): Promise<void> {
    const namespace = pending.object.namespace ?? 'default';
    const name = this.#names.get(key);
    if (count > 1 && name !== undefined) {
      const body = { count, lastTimestamp: apiTime(pending.time), message: message.slice(0, longestMessage) };
      try {
        await this.#api.call({ method: 'PATCH', path: resourcePath('events', { namespace, name }), body, contentType: 'application/strategic-merge-patch+json' });
        return;
      } catch (error) {
        // Events live for an hour.
        if (!isNotFound(error)) throw error;
      }
    }
    const event = this.#build(pending, message, count, firstTime);
    try {
      await this.#api.call({ method: 'POST', path: resourcePath('events', { namespace }), body: event });
    } catch (error) {
      // Our own, of a try whose answer was lost.
      if (!isConflict(error)) throw error;
    }
    this.#names.delete(key);
    this.#names.set(key, event.metadata.name!);
    if (this.#names.size > 4096) this.#names.delete(this.#names.keys().next().value!);
  }

  #build({ object, type, reason, time }: Pending, message: string, count: number, firstTime: number): Event {
    const namespace = object.namespace ?? 'default';
    return {
      apiVersion: 'v1',
      kind: 'Event',
      // Upstream takes nanoseconds; ours are milliseconds with a number, so that two in the same one differ.
      metadata: { namespace, name: `${object.name}.${(BigInt(time) * 1_000_000n + BigInt(this.#sequence++ % 1_000_000)).toString(16)}` },
      involvedObject: object,
      type,
      reason,
      message: message.slice(0, longestMessage),
      count,
      firstTimestamp: apiTime(firstTime),
      lastTimestamp: apiTime(time),
      source: { component: 'kubelet', host: this.#host },
      reportingComponent: 'kubelet',
      reportingInstance: this.#host,
    };
  }
}

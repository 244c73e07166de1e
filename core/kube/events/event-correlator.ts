/**
 * client-go's EventCorrelator: equal events become a count, similar ones a single "combined" event, and a pod that makes
 * too many is silenced. No effects; time is an argument.
 */
import type { EventType, ObjectReference } from '../kube.ts';

export interface RecordedEvent {
  readonly object: ObjectReference;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
}

export type Correlated =
  /** `count` 1: create it. More: the event `key` exists already, its count is to be raised. */
  | { readonly outcome: 'send'; readonly key: string; readonly message: string; readonly count: number; readonly firstTime: number }
  | { readonly outcome: 'dropped' };

const similarEvents = 10;
const similarWindow = 600_000;
const spamBurst = 25;
const spamRefill = 300_000;
const cacheSize = 4096;

interface Aggregate {
  readonly messages: Set<string>;
  lastTime: number;
}

interface Bucket {
  tokens: number;
  refilled: number;
}

export class EventCorrelator {
  readonly #aggregates = new Map<string, Aggregate>();
  readonly #seen = new Map<string, { count: number; readonly firstTime: number }>();
  readonly #buckets = new Map<string, Bucket>();

  correlate(event: RecordedEvent, now: number): Correlated {
    const group = JSON.stringify([subject(event.object), event.type, event.reason]);
    const combined = this.#isCombined(group, event.message, now);
    const message = combined ? `(combined from similar events): ${event.message}` : event.message;
    const key = combined ? group : JSON.stringify([group, event.message]);
    if (!this.#takeToken(JSON.stringify(subject(event.object)), now)) return { outcome: 'dropped' };
    const seen = this.#seen.get(key) ?? { count: 0, firstTime: now };
    seen.count++;
    remember(this.#seen, key, seen);
    return { outcome: 'send', key, message, count: seen.count, firstTime: seen.firstTime };
  }

  /** The event is not there any more (its time to live ran out): the next one begins at 1. */
  forget(key: string): void {
    this.#seen.delete(key);
  }

  #isCombined(group: string, message: string, now: number): boolean {
    const before = this.#aggregates.get(group);
    const aggregate = before === undefined || now - before.lastTime > similarWindow ? { messages: new Set<string>(), lastTime: now } : before;
    aggregate.lastTime = now;
    if (aggregate.messages.size < similarEvents) aggregate.messages.add(message);
    remember(this.#aggregates, group, aggregate);
    return aggregate.messages.size >= similarEvents;
  }

  #takeToken(source: string, now: number): boolean {
    const bucket = this.#buckets.get(source) ?? { tokens: spamBurst, refilled: now };
    const refills = (now - bucket.refilled) / spamRefill;
    const tokens = Math.min(spamBurst, bucket.tokens + refills);
    const allowed = tokens >= 1;
    remember(this.#buckets, source, { tokens: allowed ? tokens - 1 : tokens, refilled: now });
    return allowed;
  }
}

/** The least recently used one goes when there are too many. */
function remember<T>(cache: Map<string, T>, key: string, value: T): void {
  cache.delete(key);
  cache.set(key, value);
  if (cache.size > cacheSize) cache.delete(cache.keys().next().value!);
}

function subject({ apiVersion, kind, namespace, name, uid, fieldPath }: ObjectReference): readonly unknown[] {
  return [apiVersion, kind, namespace, name, uid, fieldPath];
}

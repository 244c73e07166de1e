/** Which runtime runs a container: design §4.7 as one pure function. A named runtime is that one or an error, never another. */
import { WasmletError } from '../api/errors.ts';
import type { ArtifactInspection } from '../api/artifact.ts';
import type { Container, Pod } from '../api/kubernetes.ts';
import type { IsolationClass, RegisteredRuntime, RuntimeRegistry } from '../api/runtime.ts';
import { explainRefusal } from './accept-artifact.ts';
import { containerRuntimeAnnotation, isolationAnnotation, runtimeAnnotation } from './annotations.ts';

/** A RuntimeClass handler of the node's configuration (`runtimeHandlers`). */
export interface RuntimeHandler {
  readonly runtime?: string;
  readonly isolation?: IsolationClass;
}

/** By handler name. */
export type RuntimeHandlers = Readonly<Record<string, RuntimeHandler>>;

export interface RuntimeRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly inspection: ArtifactInspection;
  /** `handler` of the pod's RuntimeClass; absent: the pod names none. */
  readonly handler?: string;
  /** Lists runtimes in the order in which an unnamed one is looked for. */
  readonly registry: RuntimeRegistry;
  readonly handlers: RuntimeHandlers;
}

export interface RuntimeChoice {
  readonly runtime: RegisteredRuntime;
  readonly isolation: IsolationClass;
  /** Why the container gets a thread of its own although the pod asks to share one; for an event. */
  readonly notShared?: string;
}

/** Throws RUNTIME_* and ISOLATION_UNSUPPORTED; the message says what names the runtime and why it cannot be. */
export function selectRuntime(request: RuntimeRequest): RuntimeChoice {
  const handler = handlerOf(request);
  const named = nameOf(request, handler);
  const runtime = named ? requireNamed(request, named) : firstAccepting(request);
  return { runtime, ...placementOf(request, handler, runtime) };
}

interface Named {
  readonly name: string;
  /** What names it, for messages. */
  readonly by: string;
}

function handlerOf({ handler, handlers }: RuntimeRequest): RuntimeHandler | undefined {
  if (handler === undefined) return undefined;
  const known = Object.hasOwn(handlers, handler) ? handlers[handler] : undefined;
  if (known) return known;
  const names = Object.keys(handlers).join(', ') || 'none';
  throw new WasmletError('RUNTIME_HANDLER_UNKNOWN', `RuntimeClass handler "${handler}" is not configured on this node (handlers: ${names})`);
}

function nameOf({ pod, container, handler: handlerName }: RuntimeRequest, handler: RuntimeHandler | undefined): Named | undefined {
  const annotations = pod.metadata.annotations ?? {};
  for (const key of [containerRuntimeAnnotation(container.name), runtimeAnnotation]) {
    const name = annotations[key];
    if (name !== undefined) return { name, by: `annotation ${key}` };
  }
  return handler?.runtime === undefined ? undefined : { name: handler.runtime, by: `RuntimeClass handler ${handlerName}` };
}

function requireNamed({ registry, inspection }: RuntimeRequest, { name, by }: Named): RegisteredRuntime {
  const runtime = registry.get(name);
  if (runtime === undefined) {
    const names = registry.list().map(({ manifest }) => manifest.name).join(', ') || 'none';
    throw new WasmletError('RUNTIME_UNKNOWN', `runtime "${name}" (${by}) is not on this node (runtimes: ${names})`);
  }
  if (!runtime.allowed) {
    const names = registry.list().filter(({ allowed }) => allowed).map(({ manifest }) => manifest.name).join(', ') || 'none';
    throw new WasmletError('RUNTIME_NOT_ALLOWED', `runtime "${name}" (${by}) is not allowed on this node (allowed: ${names})`);
  }
  if (runtime.state !== 'active') {
    throw new WasmletError('RUNTIME_INACTIVE', `runtime "${name}" (${by}) is inactive: ${runtime.reason ?? 'no reason given'}`);
  }
  const refusal = explainRefusal(runtime.manifest, inspection);
  if (refusal !== undefined) throw new WasmletError('RUNTIME_NOT_ACCEPTING', `runtime "${name}" (${by}) does not accept this ${inspection.kind}: ${refusal}${instead(registry, inspection)}`);
  return runtime;
}

/** Names the runtime that would take it: a pod's author seldom knows which. */
function instead(registry: RuntimeRegistry, inspection: ArtifactInspection): string {
  const other = registry.list().find(({ manifest, state, allowed }) => state === 'active' && allowed && explainRefusal(manifest, inspection) === undefined);
  return other === undefined ? '' : `; runtime "${other.manifest.name}" does`;
}

function firstAccepting({ registry, inspection }: RuntimeRequest): RegisteredRuntime {
  const refusals: string[] = [];
  for (const runtime of registry.list()) {
    if (runtime.state !== 'active' || !runtime.allowed) continue;
    const refusal = explainRefusal(runtime.manifest, inspection);
    if (refusal === undefined) return runtime;
    refusals.push(`${runtime.manifest.name}: ${refusal}`);
  }
  const why = refusals.length > 0 ? refusals.join('; ') : 'no runtime is active and allowed';
  throw new WasmletError('RUNTIME_NOT_ACCEPTING', `no runtime of this node accepts this ${inspection.kind} (${why})`);
}

function whyNotShareable(inspection: ArtifactInspection): string | undefined {
  if (inspection.kind === 'component' || inspection.notShareable === undefined) return undefined;
  return `its module cannot share one: ${inspection.notShareable}`;
}

/** A thread of one's own is never less than what was asked for; the reverse is refused. */
function placementOf({ pod, inspection }: RuntimeRequest, handler: RuntimeHandler | undefined, { manifest }: RegisteredRuntime): Omit<RuntimeChoice, 'runtime'> {
  const annotated = pod.metadata.annotations?.[isolationAnnotation];
  if (annotated !== undefined && annotated !== 'dedicated' && annotated !== 'shared') {
    throw new WasmletError('FIELD_INVALID', `annotation ${isolationAnnotation} is "${annotated}"; it can be "dedicated" or "shared"`);
  }
  const isolation = annotated ?? handler?.isolation ?? 'dedicated';
  const offered = manifest.isolation.includes(isolation);
  if (isolation === 'shared') {
    const notShared = offered ? whyNotShareable(inspection) : `the runtime ${manifest.name} does not offer it`;
    if (notShared === undefined) return { isolation };
    if (manifest.isolation.includes('dedicated')) return { isolation: 'dedicated', notShared };
  } else if (offered) return { isolation };
  throw new WasmletError('ISOLATION_UNSUPPORTED', `runtime "${manifest.name}" does not offer isolation "${isolation}" for this ${inspection.kind} (it offers: ${manifest.isolation.join(', ')})`);
}

/** The API server's validation, as far as a kubelet's writes meet it. */
import type { StoredObject } from './object-store.ts';
import { invalid } from './status-error.ts';

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/;
const conditionStatuses = ['True', 'False', 'Unknown'];

export function validate(resource: string, before: StoredObject | undefined, after: StoredObject): void {
  if (resource === 'pods') validatePodStatus(before, after);
  if (resource === 'nodes') validateNode(after);
  if (resource === 'leases') validateLease(after);
  if (resource === 'events') validateEvent(after);
}

/** metav1.Time has whole seconds: the API server drops the rest, which a careless client takes for a difference for ever. */
export function truncateTimes<T>(value: T): T {
  if (Array.isArray(value)) return value.map(truncateTimes) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => {
      if (typeof field !== 'string' || !/(Time|At|Timestamp)$/.test(key) || key === 'renewTime' || key === 'acquireTime' || key === 'eventTime') return [key, truncateTimes(field as unknown)];
      if (!rfc3339.test(field)) throw invalid(`${key}: ${JSON.stringify(field)} is not RFC 3339`);
      return [key, field.replace(/\.\d+(?=Z|[+-])/, '')];
    }),
  ) as T;
}

/** What Go's types make of a status: empty lists are left out, quantities are written in their shortest form. */
export function canonicalStatus(object: StoredObject): StoredObject {
  const status = object['status'] as Record<string, unknown> | undefined;
  if (status === undefined) return object;
  const kept = Object.entries(status).filter(([, value]) => !Array.isArray(value) || value.length > 0);
  const canonical = kept.map(([key, value]) => [key, key === 'capacity' || key === 'allocatable' ? shortestQuantities(value as Record<string, string>) : value]);
  return { ...object, status: Object.fromEntries(canonical) };
}

function shortestQuantities(quantities: Readonly<Record<string, string>>): Record<string, string> {
  const steps = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];
  return Object.fromEntries(Object.entries(quantities).map(([resource, text]) => {
    const [, digits = '0', suffix = ''] = /^(\d+)(Ki|Mi|Gi|Ti|Pi)?$/.exec(text) ?? [];
    if (suffix === '') return [resource, text];
    let [amount, step] = [Number(digits), steps.indexOf(suffix)];
    while (amount > 0 && amount % 1024 === 0 && step < steps.length - 1) [amount, step] = [amount / 1024, step + 1];
    return [resource, `${amount}${steps[step]}`];
  }));
}

function validatePodStatus(before: StoredObject | undefined, after: StoredObject): void {
  const status = after['status'] ?? {};
  checkConditions(status.conditions);
  for (const [single, list] of [['podIP', 'podIPs'], ['hostIP', 'hostIPs']] as const) {
    const first = (status[list] as { ip: string }[] | undefined)?.[0]?.ip;
    if ((status[single] ?? undefined) !== first) throw invalid(`status.${list}[0] (${String(first)}) must be equal to status.${single} (${String(status[single])})`);
    if ((status[list]?.length ?? 0) > 2) throw invalid(`status.${list}: at most two`);
  }
  if ((status.observedGeneration ?? 0) < 0) throw invalid('status.observedGeneration must not be negative');
  if (before === undefined) return;
  const old = before['status'] ?? {};
  if (old.qosClass !== undefined && status.qosClass !== old.qosClass) throw invalid('status.qosClass is immutable');
  if (JSON.stringify(before['spec']) !== JSON.stringify(after['spec']) && before.metadata.generation === after.metadata.generation) throw invalid('spec changed through status');
  for (const list of ['containerStatuses', 'initContainerStatuses'] as const) {
    for (const container of (old[list] ?? []) as { name: string; state?: { terminated?: unknown } }[]) {
      const now = (status[list] as { name: string; state?: { terminated?: unknown } }[] | undefined)?.find(({ name }) => name === container.name);
      if (container.state?.terminated !== undefined && now !== undefined && now.state?.terminated === undefined && !mayRestart(after, list, container)) {
        throw invalid(`status.${list}: terminated container ${container.name} may not run again with restartPolicy ${after['spec'].restartPolicy}`);
      }
    }
  }
  for (const list of ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const) {
    for (const container of (status[list] ?? []) as { name: string; state?: object; image?: string; imageID?: string; ready?: boolean; restartCount?: number }[]) {
      if (container.ready === undefined || container.restartCount === undefined || container.image === undefined || container.imageID === undefined) throw invalid(`status.${list}: ${container.name} lacks ready, restartCount, image or imageID`);
      if (Object.keys(container.state ?? {}).length > 1) throw invalid(`status.${list}: ${container.name} has more than one state`);
    }
  }
}

function mayRestart(pod: StoredObject, list: 'containerStatuses' | 'initContainerStatuses', { name, state }: { name: string; state?: { terminated?: unknown } }): boolean {
  const spec = (pod['spec'][list === 'containerStatuses' ? 'containers' : 'initContainers'] as { name: string; restartPolicy?: string; restartPolicyRules?: unknown[] }[] | undefined)?.find((candidate) => candidate.name === name);
  if (spec?.restartPolicyRules !== undefined) return true;
  const policy = spec?.restartPolicy ?? (pod['spec'].restartPolicy as string | undefined) ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && (state?.terminated as { exitCode?: number }).exitCode !== 0);
}

function validateNode(node: StoredObject): void {
  const status = node['status'] ?? {};
  checkConditions(status.conditions);
  const features = (status.declaredFeatures ?? []) as string[];
  if (features.some((feature, index) => index > 0 && features[index - 1]! >= feature)) throw invalid('status.declaredFeatures must be sorted and without duplicates');
  const addresses = (status.addresses ?? []) as { type: string; address: string }[];
  if (new Set(addresses.map(({ type, address }) => `${type}/${address}`)).size !== addresses.length) throw invalid('status.addresses: duplicate');
  for (const taint of (node['spec']?.taints ?? []) as { key?: string; effect?: string }[]) {
    if (!taint.key || !['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(taint.effect ?? '')) throw invalid('spec.taints: key and effect are required');
  }
}

function validateLease({ spec }: StoredObject): void {
  for (const field of ['renewTime', 'acquireTime']) {
    if (spec?.[field] !== undefined && !microTime.test(spec[field] as string)) throw invalid(`spec.${field}: ${String(spec[field])} does not have six decimals`);
  }
  if (!(spec?.leaseDurationSeconds > 0)) throw invalid('spec.leaseDurationSeconds must be positive');
}

function validateEvent(event: StoredObject): void {
  const involved = (event['involvedObject'] as { namespace?: string } | undefined)?.namespace ?? 'default';
  if (involved !== event.metadata.namespace) throw invalid(`involvedObject.namespace: ${involved} does not match event.namespace`);
  if (((event['message'] as string | undefined) ?? '').length > 1024) throw invalid('message can have at most 1024 bytes');
  if (!['Normal', 'Warning'].includes(event['type'] as string)) throw invalid('type must be Normal or Warning');
  if (!event['reason'] || !event['reportingComponent'] || !event['reportingInstance']) throw invalid('reason, reportingComponent and reportingInstance are required');
}

function checkConditions(conditions: unknown): void {
  const list = (conditions ?? []) as { type?: string; status?: string }[];
  if (list.some(({ type, status }) => !type || !conditionStatuses.includes(status ?? ''))) throw invalid('conditions need a type and a status of True, False or Unknown');
  if (new Set(list.map(({ type }) => type)).size !== list.length) throw invalid('conditions: a type occurs twice');
}

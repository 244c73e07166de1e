/**
 * Resources of a pod that runs (KEP-1287, pods/resize). A guest's memory has the maximum that it was compiled with, so what was
 * allocated at admission is held to, and a spec that says otherwise is answered `Infeasible`, for as long as it does.
 */
import type { Container, Pod } from '../api/kubernetes.ts';
import { parseMilliQuantity } from './quantity.ts';

type Resources = Container['resources'];

/** By container; the pod's own under ''. */
export type Allocation = ReadonlyMap<string, Resources>;

export interface AllocatedPod {
  /** With the resources that it has: the same object where the spec asks for these. */
  readonly pod: Pod;
  /** The spec asks for others. */
  readonly infeasible: boolean;
}

/** What a pod has when it is first seen: what its status says that it was given before, else what its spec asks for. */
export function allocationOf({ spec, status }: Pod): Allocation {
  const given = new Map([...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(({ name, resources }) => [name, resources]));
  return new Map([
    ['', spec.resources],
    ...[...(spec.initContainers ?? []), ...spec.containers].map(({ name, resources }): [string, Resources] => [name, given.get(name) ?? resources]),
  ]);
}

/** The pod as it was allocated. `allocation`: of `allocationOf`; containers cannot be added to a pod. */
export function allocatedPod(pod: Pod, allocation: Allocation): AllocatedPod {
  const { spec } = pod;
  const differs = ({ name, resources }: Pick<Container, 'name' | 'resources'>): boolean => allocation.has(name) && !same(resources, allocation.get(name));
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  if (!containers.some(differs) && !differs({ name: '', ...(spec.resources && { resources: spec.resources }) })) return { pod, infeasible: false };
  const held = (container: Container): Container => (differs(container) ? withResources(container, allocation.get(container.name)) : container);
  const changed = {
    ...withResources(spec, allocation.get('')),
    containers: spec.containers.map(held),
    ...(spec.initContainers && { initContainers: spec.initContainers.map(held) }),
  };
  return { pod: { ...pod, spec: changed }, infeasible: true };
}

function withResources<Holder extends { resources?: Resources }>({ resources: _, ...holder }: Holder, resources: Resources): Holder {
  return { ...holder, ...(resources && { resources }) } as Holder;
}

/** Only these can be resized. */
const resizable = ['cpu', 'memory'] as const;

function same(left: Resources, right: Resources): boolean {
  return (['requests', 'limits'] as const).every((list) => resizable.every((name) => sameQuantity(left?.[list]?.[name], right?.[list]?.[name])));
}

function sameQuantity(left: string | undefined, right: string | undefined): boolean {
  if (left === right) return true;
  if (left === undefined || right === undefined) return false;
  try {
    return parseMilliQuantity(left) === parseMilliQuantity(right);
  } catch {
    return false;
  }
}

export const infeasibleMessage = 'the resources of a running pod cannot be changed on this node: a guest keeps the limits that it was started with; make a new pod';

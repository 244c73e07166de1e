import type { Pod, PodStatus } from '../../api/kubernetes.ts';
import type { ContainerBackoff, Provision, WaitingReason } from '../../pod/actions/decide-containers.ts';
import type { PodWorkerState } from '../../pod/pod-lifecycle.ts';
import type { BackoffEntry } from '../../pod/actions/restart-backoff.ts';
import type { PodFailure } from '../../pod/status/generate-pod-status.ts';
import { allocatedPod, allocationOf, type Allocation } from '../../pod/resize.ts';
import type { ContainerInputs } from '../containers/container-inputs.ts';

/** What a pod's worker remembers of it, in memory only. Written by the pod's own sync and the ends of its jobs. */
export interface PodRecord {
  readonly uid: string;
  readonly incarnation: number;
  /** As desired now, or as it was last desired; with the resources that it was allocated. */
  pod: Pod;
  readonly allocation: Allocation;
  /** The spec asks for other resources than the pod has, and cannot have them. */
  resizeInfeasible: boolean;
  state: PodWorkerState;
  /** The status that the API had when this process first saw the pod. */
  readonly baseline: PodStatus | undefined;
  admitted: boolean;
  /** Refused by admission: it never runs. */
  rejected: boolean;
  /** Why the node ends it. */
  failure?: PodFailure;
  /** No source wants it any more: force deleted, file removed, or its deletion is complete. */
  removed: boolean;
  readonly waiting: Map<string, WaitingReason>;
  readonly provisions: Map<string, Provision>;
  /** The objects of provisions that are ready. */
  readonly inputs: Map<string, ContainerInputs>;
  readonly backoffs: Map<string, ContainerBackoff>;
  /** Back-offs of pulls, by image. */
  readonly imageBackoffs: Map<string, BackoffEntry>;
  /** Attempts stopped because the definition changed. */
  readonly replaced: Set<string>;
  /** Stops that have not returned, by container id: the grace they were given last. */
  readonly stops: Map<string, number>;
  readonly volumes: VolumesRecord;
  /** Ends pulls. */
  readonly jobs: AbortController;
  /** Events about attempts that have been told: `<word> <id>`. */
  readonly told: Set<string>;
  /** Volumes are gone, nothing runs: another pod may take the name. */
  released: boolean;
  /** Directories, logs and sandbox are gone. */
  cleaned: boolean;
}

export interface VolumesRecord {
  /** They have been set up once. */
  ready: boolean;
  /** The pod as it was when they were set up last. */
  pod?: Pod;
  setUpAt?: number;
  /** An object that they show has changed. */
  stale: boolean;
  /** Failures in a row. */
  failures: number;
  retryAt?: number;
  job?: Promise<void>;
}

export function newPodRecord(desired: Pod, incarnation: number): PodRecord {
  const allocation = allocationOf(desired);
  const { pod, infeasible } = allocatedPod(desired, allocation);
  return {
    uid: pod.metadata.uid,
    incarnation,
    pod,
    allocation,
    resizeInfeasible: infeasible,
    state: 'syncing',
    baseline: pod.status,
    admitted: false,
    rejected: false,
    removed: false,
    waiting: new Map(),
    provisions: new Map(),
    inputs: new Map(),
    backoffs: new Map(),
    imageBackoffs: new Map(),
    replaced: new Set(),
    stops: new Map(),
    volumes: { ready: false, stale: false, failures: 0 },
    jobs: new AbortController(),
    told: new Set(),
    released: false,
    cleaned: false,
  };
}

/** `<name>_<namespace>(<uid>)`, as Kubernetes' texts name a pod. */
export function podLabel({ metadata }: Pod): string {
  return `${metadata.name}_${metadata.namespace}(${metadata.uid})`;
}

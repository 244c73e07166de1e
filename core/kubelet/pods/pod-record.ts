import type { Pod, PodStatus } from '../../api/kubernetes.ts';
import type { ContainerBackoff, Provision, WaitingReason } from '../../pod/actions/decide-containers.ts';
import type { PodWorkerState } from '../../pod/pod-lifecycle.ts';
import type { BackoffEntry } from '../../pod/actions/restart-backoff.ts';
import type { PodFailure } from '../../pod/status/generate-pod-status.ts';
import { allocatedPod, allocationOf, type Allocation } from '../../pod/resize.ts';
import type { ContainerInputs } from '../containers/container-inputs.ts';
import { SparseMap } from './sparse.ts';

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
  readonly waiting: SparseMap<string, WaitingReason>;
  readonly provisions: SparseMap<string, Provision>;
  /** The objects of provisions that are ready. */
  readonly inputs: SparseMap<string, ContainerInputs>;
  readonly backoffs: SparseMap<string, ContainerBackoff>;
  /** Back-offs of pulls, by image. */
  readonly imageBackoffs: SparseMap<string, BackoffEntry>;
  /** Attempts stopped because the definition changed, by container id. */
  readonly replaced: SparseMap<string, true>;
  /** Stops that have not returned, by container id: the grace they were given last. */
  readonly stops: SparseMap<string, number>;
  readonly volumes: VolumesRecord;
  /** Ends pulls; absent while there are none. */
  pulls: AbortController | undefined;
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
  pod: Pod | undefined;
  setUpAt: number | undefined;
  /** An object that they show has changed. */
  stale: boolean;
  /** Failures in a row. */
  failures: number;
  retryAt: number | undefined;
  job: Promise<void> | undefined;
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
    waiting: new SparseMap(),
    provisions: new SparseMap(),
    inputs: new SparseMap(),
    backoffs: new SparseMap(),
    imageBackoffs: new SparseMap(),
    replaced: new SparseMap(),
    stops: new SparseMap(),
    // All fields from the start: an object that gains and loses some is a hash table.
    volumes: { ready: false, pod: undefined, setUpAt: undefined, stale: false, failures: 0, retryAt: undefined, job: undefined },
    pulls: undefined,
    told: new Set(),
    released: false,
    cleaned: false,
  };
}

/** `<name>_<namespace>(<uid>)`, as Kubernetes' texts name a pod. */
export function podLabel({ metadata }: Pod): string {
  return `${metadata.name}_${metadata.namespace}(${metadata.uid})`;
}

/** What a pod asks for and this node does not give: said at the container, never passed over in silence. */
import { errorTable, type ErrorCode } from '../../api/errors.ts';
import type { Container, Pod, Volume } from '../../api/kubernetes.ts';
import type { WaitingReason } from '../actions/decide-containers.ts';
import { isStaticPod } from '../static-pod.ts';
import { isGiven } from './is-given.ts';

export interface PodProblems {
  /** It concerns the whole pod: nothing of it starts, no volume is set up. */
  readonly pod: boolean;
  /** By container name. */
  readonly containers: ReadonlyMap<string, WaitingReason>;
}

interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Volume sources that need parts this node does not have. */
const unsupportedVolumes = [
  'persistentVolumeClaim', 'csi', 'ephemeral', 'image', 'nfs', 'iscsi', 'fc', 'rbd', 'cephfs', 'glusterfs', 'gitRepo', 'awsElasticBlockStore',
  'gcePersistentDisk', 'azureDisk', 'azureFile', 'cinder', 'flexVolume', 'flocker', 'photonPersistentDisk', 'portworxVolume', 'quobyte',
  'scaleIO', 'storageos', 'vsphereVolume',
] as const satisfies readonly (keyof Volume)[];

export function findPodProblems(pod: Pod): PodProblems {
  const ofPod = (isStaticPod(pod) ? findApiReference(pod) : undefined) ?? findPodProblem(pod);
  const containers = new Map<string, WaitingReason>();
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    const kind = pod.spec.initContainers?.includes(container) ? 'init' : 'main';
    const problem = ofPod ?? findContainerProblem(container, kind);
    if (problem) containers.set(container.name, asWaiting(problem));
  }
  // One may be added to a pod that runs, which must go on.
  for (const { name } of pod.spec.ephemeralContainers ?? []) containers.set(name, asWaiting(unsupported(`ephemeral container ${name}`)));
  return { pod: ofPod !== undefined, containers };
}

function asWaiting({ code, message }: Problem): WaitingReason {
  return { reason: errorTable[code].reason, message };
}

function findPodProblem({ spec }: Pod): Problem | undefined {
  if ((spec.resourceClaims ?? []).length > 0) return unsupported('spec.resourceClaims');
  for (const volume of spec.volumes ?? []) {
    const source = unsupportedVolumes.find((name) => isGiven(volume[name]));
    if (source) return unsupported(`volume "${volume.name}" of type ${source}`);
  }
  return undefined;
}

function findContainerProblem(container: Container, kind: 'init' | 'main'): Problem | undefined {
  const { name } = container;
  if (!container.image) return { code: 'FIELD_INVALID', message: `container ${name} names no image` };
  const wishes: readonly (readonly [boolean, string])[] = [
    [kind === 'init' && container.restartPolicy === 'Always', 'restartPolicy: Always of an init container (a sidecar)'],
    [isGiven(container.restartPolicyRules), 'restartPolicyRules'],
    [isGiven(container.envFrom), 'envFrom'],
    [isGiven(container.livenessProbe), 'livenessProbe'],
    [isGiven(container.readinessProbe), 'readinessProbe'],
    [isGiven(container.startupProbe), 'startupProbe'],
    [isGiven(container.lifecycle), 'lifecycle'],
    [container.stdin === true, 'stdin'],
    [container.tty === true, 'tty'],
  ];
  const wish = wishes.find(([asked]) => asked);
  if (wish) return unsupported(`${wish[1]}, which container ${name} asks for,`);
  for (const { name: variable, valueFrom } of container.env ?? []) {
    if (isGiven(valueFrom?.resourceFieldRef)) return unsupported(`resourceFieldRef (variable ${variable})`);
    if (isGiven(valueFrom?.fileKeyRef)) return unsupported(`fileKeyRef (variable ${variable})`);
  }
  const mount = (container.volumeMounts ?? []).find(({ subPathExpr }) => isGiven(subPathExpr));
  return mount && unsupported(`subPathExpr (mount of volume "${mount.name}")`);
}

function unsupported(what: string): Problem {
  return { code: 'FIELD_UNSUPPORTED', message: `${what} is not supported by this node yet` };
}

/** Upstream refuses such pods, too: a pod from a file may run before there is an API server to ask. */
function findApiReference({ spec }: Pod): Problem | undefined {
  const refer = (what: string): Problem => ({ code: 'STATIC_POD_REFERENCES_API', message: `a static pod may not reference API objects: ${what}` });
  if (spec.serviceAccountName) return refer(`serviceAccountName ${spec.serviceAccountName}`);
  if (spec.runtimeClassName) return refer(`runtimeClassName ${spec.runtimeClassName}`);
  if ((spec.imagePullSecrets ?? []).length > 0) return refer('imagePullSecrets');
  for (const volume of spec.volumes ?? []) {
    const sources = [volume, ...(volume.projected?.sources ?? [])];
    if (sources.some((source) => isGiven(source.configMap))) return refer(`volume ${volume.name} shows a configMap`);
    if (sources.some((source) => isGiven(source.secret))) return refer(`volume ${volume.name} shows a secret`);
    const token = volume.projected?.sources?.some((source) => isGiven(source.serviceAccountToken) || isGiven(source.clusterTrustBundle));
    if (token) return refer(`volume ${volume.name} shows a token or trust bundle`);
    if (isGiven(volume.persistentVolumeClaim)) return refer(`volume ${volume.name} is a persistentVolumeClaim`);
  }
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    const variable = (container.env ?? []).find(({ valueFrom }) => isGiven(valueFrom?.configMapKeyRef) || isGiven(valueFrom?.secretKeyRef));
    if (variable) return refer(`variable ${variable.name} of container ${container.name}`);
    if ((container.envFrom ?? []).length > 0) return refer(`envFrom of container ${container.name}`);
  }
  return undefined;
}

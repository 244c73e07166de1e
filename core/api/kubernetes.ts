/**
 * Kubernetes objects as they travel: the types of @kubernetes/client-node with every time as the
 * RFC 3339 string that stands in the JSON. Types only; nothing of client-node is loaded at run time.
 */
import type * as k8s from '@kubernetes/client-node';

/** A client-node model in wire form: `Date` becomes a string, `_continue` becomes `continue`. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [Key in keyof T as Key extends `_${infer Name}` ? Name : Key]: Wire<T[Key]> }
      : T;

export type ObjectMeta = Wire<k8s.V1ObjectMeta>;
/** Metadata of an object that the API server (or a manifest reader) has given a name and a UID. */
export type StoredMeta = ObjectMeta & { name: string; uid: string };

export type PodSpec = Wire<k8s.V1PodSpec>;
export type PodStatus = Wire<k8s.V1PodStatus>;
export type PodCondition = Wire<k8s.V1PodCondition>;
/** A pod that is bound to this node; namespace, name and UID are always there. */
export type Pod = Omit<Wire<k8s.V1Pod>, 'metadata' | 'spec'> & {
  metadata: StoredMeta & { namespace: string };
  spec: PodSpec;
};
export type Container = Wire<k8s.V1Container>;
export type ContainerStatus = Wire<k8s.V1ContainerStatus>;
export type ContainerState = Wire<k8s.V1ContainerState>;
export type ContainerStateTerminated = Wire<k8s.V1ContainerStateTerminated>;
export type EnvVar = Wire<k8s.V1EnvVar>;
export type Toleration = Wire<k8s.V1Toleration>;
export type Taint = Wire<k8s.V1Taint>;
export type Volume = Wire<k8s.V1Volume>;
export type VolumeMount = Wire<k8s.V1VolumeMount>;
export type ProjectedVolumeSource = Wire<k8s.V1ProjectedVolumeSource>;

export type Node = Omit<Wire<k8s.V1Node>, 'metadata'> & { metadata: StoredMeta };
export type NodeSpec = Wire<k8s.V1NodeSpec>;
export type NodeStatus = Wire<k8s.V1NodeStatus>;
export type NodeCondition = Wire<k8s.V1NodeCondition>;
export type NodeAddress = Wire<k8s.V1NodeAddress>;
export type Lease = Wire<k8s.V1Lease>;
export type CSINode = Wire<k8s.V1CSINode>;
export type RuntimeClass = Wire<k8s.V1RuntimeClass>;
export type Service = Wire<k8s.V1Service>;
export type ConfigMap = Wire<k8s.V1ConfigMap>;
export type Secret = Wire<k8s.V1Secret>;
export type Event = Wire<k8s.CoreV1Event>;
export type ObjectReference = Wire<k8s.V1ObjectReference>;
export type CertificateSigningRequest = Wire<k8s.V1CertificateSigningRequest>;
export type TokenRequest = Wire<k8s.AuthenticationV1TokenRequest>;
export type TokenReview = Wire<k8s.V1TokenReview>;
export type SubjectAccessReview = Wire<k8s.V1SubjectAccessReview>;
export type Status = Wire<k8s.V1Status>;

/** What list-watch delivers (client-go: watch.Event). `REMOVED` stands for DELETED and for what vanished from a relist. */
export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED'; readonly object: T }
  | { readonly type: 'REMOVED'; readonly object: T }
  /** A full list has been delivered: what is not in it is gone, and nothing older is outstanding. */
  | { readonly type: 'SYNCED' };

/** A pod's volumes on this node. */
import type { Mount } from '../api/engine.ts';
import type { Container, Pod } from '../api/kubernetes.ts';

export interface VolumeManager {
  /**
   * Sets up every volume of the pod, or brings it up to date. Idempotent, bounded. Throws the VOLUME_* codes of core/api/errors.ts;
   * the message names the volume and the cause.
   */
  setUp(pod: Pod): Promise<void>;
  /**
   * The container's volumeMounts as engine mounts (readOnly, subPath; content from the API is read-only). After `setUp`. Throws
   * FIELD_INVALID; FIELD_UNSUPPORTED for subPathExpr, subPath into content from the API, and anything but a directory.
   */
  mounts(pod: Pod, container: Container): Promise<readonly Mount[]>;
  /** Removes them all; after the pod's containers have ended. Idempotent. Works from the directory alone. */
  tearDown(podUid: string): Promise<void>;
  /** Bytes on disk that an emptyDir volume holds; counting stops when they are more than `enough`. */
  emptyDirBytes(podUid: string, volume: string, enough: number): Promise<number>;
}

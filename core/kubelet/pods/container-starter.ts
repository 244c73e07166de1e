import { join } from 'node:path';
import type { ContainerConfig, Engine } from '../../api/engine.ts';
import { WasmletError, messageOf } from '../../api/errors.ts';
import type { Container, Pod } from '../../api/kubernetes.ts';
import type { RuntimeRegistry } from '../../api/runtime.ts';
import { containerArgv } from '../../pod/environment/container-argv.ts';
import { containerEnvironment } from '../../pod/environment/container-environment.ts';
import type { PodAddresses } from '../../pod/environment/field-reference.ts';
import type { StartAction } from '../../pod/compute-pod-actions.ts';
import { parseQuantity } from '../../pod/quantity.ts';
import { selectRuntime, type RuntimeOptions } from '../../pod/select-runtime.ts';
import type { VolumeManager } from '../../volume/volume-manager.ts';
import type { ContainerInputs } from './container-inputs.ts';
import type { PodEventTeller } from './pod-events.ts';
import type { PodRecord } from './pod-record.ts';

/** Where logs go; absent parts are not written. */
export interface LogDirectories {
  /** `/var/log/pods` */
  readonly pods: string;
  /** `/var/log/containers` */
  readonly containers: string;
}

export interface ContainerStarterOptions {
  readonly engine: Engine;
  readonly volumes: VolumeManager;
  readonly runtimes: RuntimeRegistry;
  readonly runtimeOptions: RuntimeOptions;
  readonly events: PodEventTeller;
  readonly logs: LogDirectories;
  readonly addresses: () => PodAddresses;
  /** Descriptors that a container may hold at once. */
  readonly descriptors: number;
}

/** Creates and starts one attempt of a container. What fails becomes the container's waiting reason and an event. */
export class ContainerStarter {
  readonly #options: ContainerStarterOptions;

  constructor(options: ContainerStarterOptions) {
    this.#options = options;
  }

  /** Never throws; false: it failed. */
  async start(record: PodRecord, container: Container, action: StartAction): Promise<boolean> {
    const { engine, events } = this.#options;
    const { pod } = record;
    const { name } = container;
    let stage: 'CreateContainerConfigError' | 'CreateContainerError' | 'RunContainerError' = 'CreateContainerConfigError';
    try {
      const config = await this.#config(pod, container, action, record.inputs.get(name));
      stage = 'CreateContainerError';
      const id = await engine.createContainer(config);
      events.container(pod, name, 'Normal', 'Created', 'Container created');
      stage = 'RunContainerError';
      record.waiting.delete(name);
      record.images.delete(name);
      record.inputs.delete(name);
      if (action.backoff) record.backoffs.set(name, action.backoff);
      await engine.startContainer(id);
      return true;
    } catch (error) {
      const reason = error instanceof WasmletError ? error.reason : stage;
      const message = messageOf(error);
      const before = record.waiting.get(name);
      record.waiting.set(name, { reason, message });
      if (before?.reason !== reason || before.message !== message) events.container(pod, name, 'Warning', 'Failed', `Error: ${message}`);
      return false;
    }
  }

  async #config(pod: Pod, container: Container, action: StartAction, inputs: ContainerInputs | undefined): Promise<ContainerConfig> {
    const { runtimes, runtimeOptions, volumes, logs, addresses, descriptors } = this.#options;
    const { metadata } = pod;
    const { image } = action;
    if (inputs === undefined) throw new Error(`the inputs of container ${container.name} have not been read`);
    const choice = selectRuntime({
      pod,
      container,
      inspection: image.artifact.inspection,
      ...(inputs.handler !== undefined && { handler: inputs.handler }),
      registry: runtimes,
      options: runtimeOptions,
    });
    const environment = containerEnvironment(pod, container, { ...inputs.environment, image: image.config.env ?? [] }, addresses());
    const memoryLimit = container.resources?.limits?.['memory'];
    return {
      podUid: metadata.uid,
      name: container.name,
      attempt: action.attempt,
      kind: action.containerKind,
      hash: action.hash,
      image: container.image ?? '',
      imageId: image.id,
      artifact: image.artifact,
      runtime: choice.runtime.manifest.name,
      isolation: choice.isolation,
      argv: containerArgv(pod, container, { config: image.config, artifactName: image.artifact.name }, environment),
      env: [...environment],
      cwd: container.workingDir || image.config.workingDir || '/',
      mounts: await volumes.mounts(pod, container),
      resources: { descriptors, ...(memoryLimit !== undefined && { memoryBytes: Number(parseQuantity(memoryLimit)) }) },
      stdin: container.stdin ?? false,
      tty: container.tty ?? false,
      logPath: join(podLogDirectory(logs.pods, pod), container.name, `${action.attempt}.log`),
      logLinkPrefix: join(logs.containers, `${metadata.name}_${metadata.namespace}_${container.name}-`),
    };
  }
}

/** `<directory>/<namespace>_<name>_<uid>`, as the kubelet lays it out. */
export function podLogDirectory(directory: string, { metadata }: Pod): string {
  return join(directory, `${metadata.namespace}_${metadata.name}_${metadata.uid}`);
}

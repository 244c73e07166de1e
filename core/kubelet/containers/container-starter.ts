import { join } from 'node:path';
import type { ContainerConfig, Engine, StackClass } from '../../api/engine.ts';
import { WasmletError, messageOf, type Retry } from '../../api/errors.ts';
import type { Image } from '../../api/image.ts';
import type { Container, Pod } from '../../api/kubernetes.ts';
import type { RuntimeRegistry } from '../../api/runtime.ts';
import { containerPorts } from '../../pod/container-ports.ts';
import { containerArgv } from '../../pod/environment/container-argv.ts';
import { containerEnvironment } from '../../pod/environment/container-environment.ts';
import type { PodAddresses } from '../../pod/environment/field-reference.ts';
import type { StartAction } from '../../pod/actions/compute-pod-actions.ts';
import { containerLimit } from '../../pod/container-limit.ts';
import { isHttpService } from '../../pod/is-http-service.ts';
import { selectRuntime, type RuntimeHandlers } from '../../pod/select-runtime.ts';
import type { VolumeManager } from '../../volume/volume-manager.ts';
import { selectStack } from '../../pod/select-stack.ts';
import type { ContainerInputs } from './container-inputs.ts';
import type { PodEventTeller } from '../pods/pod-event-teller.ts';

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
  /** RuntimeClass handlers of the node's configuration. */
  readonly runtimeHandlers: RuntimeHandlers;
  readonly events: PodEventTeller;
  readonly logs: LogDirectories;
  readonly addresses: () => PodAddresses;
  /** Descriptors that a container may hold at once. */
  readonly descriptors: number;
}

export interface StartFailure {
  readonly reason: string;
  readonly message: string;
  readonly retry: Retry;
}

/** The kubelet's least quota is 1 ms in each period of 100 ms (pkg/kubelet/cm, MinQuotaPeriod). */
const leastMillicores = 10;

/** Creates and starts one attempt of a container. */
export class ContainerStarter {
  readonly #options: ContainerStarterOptions;

  constructor(options: ContainerStarterOptions) {
    this.#options = options;
  }

  /** Never throws. Answers why it could not be started; what becomes of a started one is the engine's to tell. */
  async start(pod: Pod, container: Container, action: StartAction, inputs: ContainerInputs): Promise<StartFailure | undefined> {
    const { engine, events } = this.#options;
    let stage = 'CreateContainerConfigError';
    let id: string | undefined;
    try {
      const config = await this.#config(pod, container, action, inputs);
      stage = 'CreateContainerError';
      id = await engine.createContainer(config);
      events.container(pod, container.name, 'Normal', 'Created', 'Container created');
      this.#tellUnservedPorts(pod, config);
      stage = 'RunContainerError';
      await engine.startContainer(id);
      return undefined;
    } catch (error) {
      // An attempt that stays created would never be followed by another.
      if (id !== undefined) await engine.stopContainer(id, 0).catch(() => undefined);
      const known = error instanceof WasmletError ? error : undefined;
      return { reason: known?.reason ?? stage, message: messageOf(error), retry: known?.retry ?? 'backoff' };
    }
  }

  /** Once for a container: such a pod runs, and its author may wonder. */
  #tellUnservedPorts(pod: Pod, { name, attempt, runtime, ports = [] }: ContainerConfig): void {
    if (attempt > 0 || ports.length === 0 || this.#options.runtimes.get(runtime)?.manifest.features?.listeners !== undefined) return;
    const declared = ports.map(({ port }) => port).join(', ');
    const message = `nobody listens on port ${declared}: guests of the runtime ${runtime} accept no connections, modules of WASI preview 1 on the runtime wasi can`;
    this.#options.events.container(pod, name, 'Warning', 'PortsNotServed', message);
  }

  async #config(pod: Pod, container: Container, action: StartAction, inputs: ContainerInputs): Promise<ContainerConfig> {
    const { runtimes, runtimeHandlers, volumes, logs, addresses, descriptors } = this.#options;
    const { metadata } = pod;
    const { image } = action;
    const choice = selectRuntime({
      pod,
      container,
      inspection: image.artifact.inspection,
      ...(inputs.handler !== undefined && { handler: inputs.handler }),
      registry: runtimes,
      handlers: runtimeHandlers,
    });
    if (choice.notShared !== undefined) this.#options.events.container(pod, container.name, 'Normal', 'IsolationDedicated', `Container gets a thread of its own in place of a shared one: ${choice.notShared}`);
    const stack = this.#stack(pod, container, image);
    const environment = containerEnvironment(pod, container, { ...inputs.environment, image: image.config.env ?? [] }, addresses());
    const ports = containerPorts(container, addresses().podIPs);
    if (ports.length === 0 && isHttpService(image.artifact.inspection)) throw new WasmletError('PORT_MISSING', `the program is an HTTP service, and container ${container.name} declares no TCP port to serve it on: give it one, such as ports: [{containerPort: 8080}]`);
    const memoryLimit = containerLimit(pod, container, 'memory');
    const cpuLimit = containerLimit(pod, container, 'cpu');
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
      stack,
      argv: containerArgv(pod, container, { config: image.config, artifactName: image.artifact.name }, environment),
      env: [...environment],
      cwd: container.workingDir || image.config.workingDir || '/',
      mounts: await volumes.mounts(pod, container),
      ...(ports.length > 0 && { ports }),
      resources: { descriptors, ...(memoryLimit !== undefined && { memoryBytes: Number(memoryLimit / 1000n) }), ...(cpuLimit !== undefined && { cpuMillicores: Math.max(leastMillicores, Number(cpuLimit)) }) },
      stdin: container.stdin ?? false,
      tty: container.tty ?? false,
      logPath: join(podLogDirectory(logs.pods, pod), container.name, `${action.attempt}.log`),
      logLinkPrefix: join(logs.containers, `${metadata.name}_${metadata.namespace}_${container.name}`),
    };
  }

  #stack(pod: Pod, { name }: Container, { artifact }: Image): StackClass {
    const { engine, events } = this.#options;
    const attempts = (engine.podSandbox(pod.metadata.uid)?.containers ?? []).filter((attempt) => attempt.name === name);
    const { stack, outgrown } = selectStack({ pod, artifact, attempts });
    if (outgrown) events.container(pod, name, 'Normal', 'DeepStack', `Container ${name} ran out of stack; from now on it gets a deep one`);
    return stack;
  }
}

/** `<directory>/<namespace>_<name>_<uid>`, as the kubelet lays it out. */
export function podLogDirectory(directory: string, { metadata }: Pod): string {
  return join(directory, `${metadata.namespace}_${metadata.name}_${metadata.uid}`);
}

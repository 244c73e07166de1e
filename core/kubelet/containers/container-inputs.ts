import type { ConfigMap, Container, Pod, Secret } from '../../api/kubernetes.ts';
import { WasmletError } from '../../api/errors.ts';
import type { ObjectReader } from '../../kube/kube.ts';
import { environmentReferences, type EnvironmentSources } from '../../pod/environment/container-environment.ts';
import { serviceEnvironment } from '../../pod/environment/service-environment.ts';
import { isStaticPod } from '../../pod/static-pod.ts';

/** The API objects that one container's configuration rests on. */
export interface ContainerInputs {
  readonly environment: Omit<EnvironmentSources, 'image'>;
  /** `handler` of the pod's RuntimeClass. */
  readonly handler?: string;
}

/**
 * Reads them, which may take as long as the API server takes. Throws what ObjectReader throws, and RUNTIME_HANDLER_UNKNOWN.
 * A pod from a file gets no service variables: it may not depend on the API server.
 */
export async function readContainerInputs(objects: ObjectReader, pod: Pod, container: Container): Promise<ContainerInputs> {
  const { namespace } = pod.metadata;
  const names = environmentReferences(container);
  const [configMaps, secrets, services, handler] = await Promise.all([
    readAll<ConfigMap>(names.configMaps, (name) => objects.configMap(namespace, name)),
    readAll<Secret>(names.secrets, (name) => objects.secret(namespace, name)),
    isStaticPod(pod) ? [] : objects.services(),
    readHandler(objects, pod),
  ]);
  return {
    environment: { configMaps, secrets, services: serviceEnvironment(pod, services) },
    ...(handler !== undefined && { handler }),
  };
}

async function readAll<T>(names: readonly string[], read: (name: string) => Promise<T | undefined>): Promise<ReadonlyMap<string, T | undefined>> {
  return new Map(await Promise.all(names.map(async (name) => [name, await read(name)] as const)));
}

async function readHandler(objects: ObjectReader, { spec }: Pod): Promise<string | undefined> {
  const name = spec.runtimeClassName;
  if (!name) return undefined;
  const runtimeClass = await objects.runtimeClass(name);
  if (runtimeClass === undefined) throw new WasmletError('RUNTIME_HANDLER_UNKNOWN', `RuntimeClass "${name}" not found`);
  return runtimeClass.handler;
}

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import type { Container, Pod } from '../../core/api/kubernetes.ts';
import { LocalClient } from '../../core/server/local-client.ts';
import { inspect } from '../../core/wasm/inspect.ts';
import { OciImageSource } from '../../plugins/image-oci/oci-image-source.ts';
import { eventually, startNode } from '../support/wasmlet-process.ts';
import type { NodeProcess } from '../support/wasmlet-process.ts';

const prefix = 'programs.test';

export interface Outcome {
  readonly code: number;
  readonly log: string;
}

/** A node of its own process that runs pods from a directory, with images from an OCI layout: programs in a pod, as users have them. */
export class ProgramNode {
  readonly #directory: string;
  readonly #source: OciImageSource;
  readonly #node: NodeProcess;

  constructor(directory: string) {
    this.#directory = directory;
    const registries = [{ prefix, mirror: `oci-layout:${path.join(directory, 'images')}` }];
    this.#source = new OciImageSource({ registries, stallMilliseconds: 10_000, maxLayerBytes: 2 ** 28 });
    mkdirSync(path.join(directory, 'pods'), { recursive: true });
    this.#node = startNode({ directory: path.join(directory, 'node'), name: 'programs', configuration: { registries }, args: ['--standalone', '--manifests', path.join(directory, 'pods')] });
  }

  /** Puts a module into the layout and answers its image. */
  async image(name: string, file: string): Promise<string> {
    const bytes = readFileSync(file);
    const request = { bytes, fileName: path.basename(file), format: 'cncf', inspection: inspect(bytes), created: '2026-01-01T00:00:00Z' } as const;
    await this.#source.push({ registry: prefix, repository: name, tag: '1' }, [], request, new AbortController().signal);
    return `${prefix}/${name}:1`;
  }

  /** Runs one container as a static pod, with host directories by guest path, to its end. */
  async run(name: string, container: Omit<Container, 'name'>, volumes: Readonly<Record<string, string>> = {}, seconds = 180): Promise<Outcome> {
    const entries = Object.entries(volumes);
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        restartPolicy: 'Never',
        containers: [{ name: 'main', ...container, volumeMounts: entries.map(([mountPath], index) => ({ name: `v${index}`, mountPath })) }],
        volumes: entries.map(([, host], index) => ({ name: `v${index}`, hostPath: { path: host } })),
      },
    };
    // Renamed into place: the node must not read half a manifest.
    const manifest = path.join(this.#directory, `${name}.yaml`);
    writeFileSync(manifest, stringify(pod));
    renameSync(manifest, path.join(this.#directory, 'pods', `${name}.yaml`));
    const client = await eventually('the node answers', () => LocalClient.find(this.#node.rootDirectory));
    let seen: Pod | undefined;
    const ended = await eventually(`${name} ends`, async () => {
      seen = (await client.pods()).find(({ metadata }) => metadata.name.startsWith(name));
      return seen?.status?.phase === 'Succeeded' || seen?.status?.phase === 'Failed' ? seen : undefined;
    }, seconds).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${JSON.stringify(seen?.status)}\n${this.#node.stderr().slice(-2000)}`, { cause: error });
    });
    let log = '';
    for await (const chunk of client.logs(ended, 'main', new URLSearchParams())) log += chunk.toString();
    const state = ended.status?.containerStatuses?.[0]?.state?.terminated;
    return { code: state?.exitCode ?? -1, log: log === '' && state?.exitCode !== 0 ? `${state?.reason}: ${state?.message}` : log };
  }

  async stop(): Promise<void> {
    await this.#node.stop();
  }
}

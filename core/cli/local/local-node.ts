import path from 'node:path';
import type { Command } from 'commander';
import { WasmletError } from '../../api/errors.ts';
import type { Pod } from '../../api/kubernetes.ts';
import { loadConfiguration } from '../../config/load-configuration.ts';
import { LocalClient } from '../../server/local-client.ts';
import type { CliContext } from '../context.ts';

export interface LocalNodeOptions {
  readonly rootDir?: string;
  readonly config?: string;
}

/** The options by which a command finds the node of this machine. */
export function addLocalNodeOptions(command: Command): Command {
  return command
    .option('--root-dir <dir>', "the node's root directory (default: as for `wasmlet node`) [$WASMLET_ROOT_DIR]")
    .option('--config <file>', "the node's configuration file, if it names the root directory");
}

/** Throws NODE_UNREACHABLE when no node runs there. */
export async function findLocalNode(context: CliContext, { rootDir, config }: LocalNodeOptions): Promise<LocalClient> {
  if (rootDir !== undefined) return LocalClient.find(path.resolve(rootDir));
  const { environment, hostname, isRoot } = context;
  return LocalClient.find((await loadConfiguration({ flags: { config }, environment, hostname, isRoot })).rootDirectory);
}

/**
 * A pod by `name` or `namespace/name`. A static pod's name ends in `-<node>`, which may be left out. Throws NOT_FOUND, and
 * USAGE when the name fits several.
 */
export function findPod(pods: readonly Pod[], wanted: string, namespace?: string): Pod {
  const [name, inNamespace = namespace] = wanted.split('/').reverse() as [string, string | undefined];
  const here = pods.filter(({ metadata }) => inNamespace === undefined || metadata.namespace === inNamespace);
  const exact = here.filter(({ metadata }) => metadata.name === name);
  const found = exact.length > 0 ? exact : here.filter(({ metadata, spec }) => spec.nodeName !== undefined && metadata.name === `${name}-${spec.nodeName}`);
  if (found.length === 0) throw new WasmletError('NOT_FOUND', `pod ${JSON.stringify(wanted)} not found on this node; "wasmlet ps" lists what is there`);
  if (found.length > 1) throw new WasmletError('USAGE', `${JSON.stringify(wanted)} fits several pods: ${found.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(', ')}`);
  return found[0]!;
}

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { WasmletError } from '../api/errors.ts';
import type { Taint } from '../api/kubernetes.ts';
import { fromFlag } from './flag-value.ts';
import type { NodeConfiguration } from './node-configuration.ts';
import { environmentName, nodeOptions, parseOption } from './options.ts';
import { configurationSchema } from './schema.ts';
import { validate } from './validate.ts';

export interface ConfigurationInputs {
  /** Values of the flags that were given, by `NodeOption.field`, as text. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly isRoot: boolean;
}

type Fields = Record<string, unknown>;

const defaultFile = '/etc/wasmlet/config.yaml';

/** Flags over environment over file over defaults. Throws CONFIG_INVALID, for a flag's value USAGE, with the place and what is wrong there. */
export async function loadConfiguration(inputs: ConfigurationInputs): Promise<NodeConfiguration> {
  const environment = fromEnvironment(inputs.environment);
  const flags = fromFlags(inputs.flags);
  const given = (flags['config'] ?? environment['config']) as string | undefined;
  const file = await readConfigurationFile(given ?? defaultFile, given !== undefined);
  return resolve({ ...file, ...environment, ...flags }, inputs);
}

function fromFlags(flags: ConfigurationInputs['flags']): Fields {
  const fields: Fields = {};
  for (const option of nodeOptions) {
    const value = flags[option.field];
    if (value === undefined) continue;
    fields[option.field] = typeof value === 'string' ? fromFlag(() => parseOption(option, value, option.flag)) : value;
  }
  return fields;
}

function fromEnvironment(environment: ConfigurationInputs['environment']): Fields {
  const fields: Fields = {};
  for (const option of nodeOptions) {
    for (const name of [environmentName(option), option.krustletEnvironment]) {
      const text = name === undefined ? undefined : environment[name];
      if (text === undefined || text === '') continue;
      fields[option.field] = parseOption(option, text, name!);
      break;
    }
  }
  return fields;
}

async function readConfigurationFile(file: string, required: boolean): Promise<Fields> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (!required && (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new WasmletError('CONFIG_INVALID', `cannot read the configuration ${file}: ${(error as Error).message}`, { cause: error });
  }
  const { parse } = await import('yaml');
  let fields: unknown;
  try {
    fields = parse(text);
  } catch (error) {
    throw new WasmletError('CONFIG_INVALID', `${file} is not YAML: ${(error as Error).message}`, { cause: error });
  }
  await validate(configurationSchema, fields, { what: file, code: 'CONFIG_INVALID' });
  const read = { ...(fields as Fields) };
  const x509 = (read['authentication'] as { x509?: { clientCAFile?: string } } | undefined)?.x509;
  if (x509?.clientCAFile !== undefined) read['clientCAFile'] = x509.clientCAFile;
  return withAbsolutePaths(read, path.dirname(path.resolve(file)));
}

/** Paths in a file are relative to the file, as upstream's are. */
function withAbsolutePaths(fields: Fields, base: string): Fields {
  const absolute = (value: unknown): unknown => (typeof value === 'string' ? path.resolve(base, value) : value);
  for (const field of ['rootDir', 'podLogsDir', 'staticPodPath', 'clientCAFile', 'tlsCertFile', 'tlsPrivateKeyFile']) {
    if (fields[field] !== undefined) fields[field] = absolute(fields[field]);
  }
  if (Array.isArray(fields['pluginDirectories'])) fields['pluginDirectories'] = fields['pluginDirectories'].map(absolute);
  if (Array.isArray(fields['registries'])) {
    fields['registries'] = fields['registries'].map((entry: Fields) => ({
      ...entry,
      ...(entry['ca'] === undefined ? {} : { ca: absolute(entry['ca']) }),
      ...(typeof entry['mirror'] === 'string' && entry['mirror'].startsWith('oci-layout:')
        ? { mirror: `oci-layout:${path.resolve(base, entry['mirror'].slice('oci-layout:'.length))}` }
        : {}),
    }));
  }
  return fields;
}

const defaultTaints: readonly Taint[] = [
  { key: 'kubernetes.io/arch', value: 'wasm32-wasi', effect: 'NoSchedule' },
  { key: 'kubernetes.io/arch', value: 'wasm32-wasi', effect: 'NoExecute' },
];

function resolve(fields: Fields, inputs: ConfigurationInputs): NodeConfiguration {
  const get = <T>(field: string, fallback: T): T => (fields[field] as T | undefined) ?? fallback;
  const milliseconds = (field: string, fallback: string): number => parseDuration(get(field, fallback), field);
  const hostname = get('hostname', inputs.hostname);
  const standalone = get('standalone', false);
  const kubeconfig = fields['kubeconfig'] as string | undefined;
  const rootDirectory = path.resolve((fields['rootDir'] as string | undefined) ?? defaultRoot(inputs));
  const system = inputs.isRoot && fields['rootDir'] === undefined;
  const order = get<{ order?: string[]; allowed?: string[] }>('runtimes', {});
  checkCombinations(fields, inputs.flags);
  return {
    nodeName: get('nodeName', hostname.toLowerCase()),
    hostname,
    nodeIP: fields['nodeIP'] as string | undefined,
    nodeLabels: get('nodeLabels', {}),
    registerNode: get('registerNode', true),
    registerWithTaints: get('registerWithTaints', defaultTaints),
    providerID: fields['providerID'] as string | undefined,
    maxPods: get('maxPods', 110),
    raiseMachineLimits: get('raiseMachineLimits', true),
    kubeReserved: get('kubeReserved', {}),
    systemReserved: get('systemReserved', {}),
    address: get('address', standalone ? '127.0.0.1' : '0.0.0.0'),
    port: get('port', standalone ? 0 : 10250),
    healthzBindAddress: get('healthzBindAddress', '127.0.0.1'),
    healthzPort: get('healthzPort', standalone ? 0 : 10248),
    clientCAFile: fields['clientCAFile'] as string | undefined,
    tlsCertFile: fields['tlsCertFile'] as string | undefined,
    tlsPrivateKeyFile: fields['tlsPrivateKeyFile'] as string | undefined,
    serverTLSBootstrap: get('serverTLSBootstrap', false),
    rotateCertificates: get('rotateCertificates', true),
    rootDirectory,
    podLogsDirectory: path.resolve(get('podLogsDir', system ? '/var/log/pods' : path.join(rootDirectory, 'logs', 'pods'))),
    containerLogsDirectory: system && fields['podLogsDir'] === undefined ? '/var/log/containers' : path.join(rootDirectory, 'logs', 'containers'),
    staticPodPath: optionalPath(fields['staticPodPath']),
    standalone,
    kubeconfig: optionalPath(kubeconfig),
    bootstrapKubeconfig: optionalPath(fields['bootstrapKubeconfig']),
    nodeStatusUpdateFrequency: milliseconds('nodeStatusUpdateFrequency', '10s'),
    nodeStatusReportFrequency: milliseconds('nodeStatusReportFrequency', '5m'),
    nodeLeaseDurationSeconds: get('nodeLeaseDurationSeconds', 40),
    shutdownGracePeriod: milliseconds('shutdownGracePeriod', '30s'),
    imagePullDeadline: milliseconds('imagePullDeadline', '5m'),
    maxParallelImagePulls: get('maxParallelImagePulls', 5),
    containerLogMaxSizeBytes: parseBytes(get('containerLogMaxSize', '10Mi'), 'containerLogMaxSize'),
    containerLogMaxFiles: get('containerLogMaxFiles', 5),
    runtimes: {
      order: order.order ?? ['wasi', 'jco', 'node-wasi', 'wasmer'],
      // A pod's author must not pick the weaker wall by annotation; standalone, the author is the node's own user.
      allowed: order.allowed ?? (standalone ? ['*'] : ['wasi', 'jco']),
    },
    runtimeHandlers: get('runtimeHandlers', { wasmlet: {}, 'wasmlet-shared': { isolation: 'shared' }, 'wasmlet-wasi': { runtime: 'wasi' }, 'wasmlet-jco': { runtime: 'jco' }, 'wasmlet-node-wasi': { runtime: 'node-wasi' }, 'wasmlet-wasmer': { runtime: 'wasmer' } }),
    registries: get('registries', []),
    pluginDirectories: get('pluginDirectories', []),
    disabledPlugins: get('disabledPlugins', []),
    plugins: get('plugins', {}),
    warmThreads: get('warmThreads', 1),
    reuseThreads: get('reuseThreads', true),
    logLevel: get('logLevel', 'info'),
  };
}

/** Of fields, wherever they came from; where a flag is part of it, the command line is what has to change. */
function checkCombinations(fields: Fields, flags: ConfigurationInputs['flags']): void {
  const given = (field: string): boolean => fields[field] !== undefined && fields[field] !== false;
  const flag = (field: string): string => nodeOptions.find((option) => option.field === field)!.flag;
  const refuse = (message: string, ...involved: readonly string[]): never => {
    throw new WasmletError(involved.some((field) => flags[field] !== undefined) ? 'USAGE' : 'CONFIG_INVALID', message);
  };
  if (given('standalone')) {
    for (const field of ['kubeconfig', 'bootstrapKubeconfig'].filter(given)) refuse(`--standalone and ${flag(field)} exclude each other: a standalone node joins no cluster`, 'standalone', field);
    if (!given('staticPodPath')) refuse('--standalone needs --manifests DIR: the directory with the pods to run', 'standalone');
  }
  const pair = ['tlsCertFile', 'tlsPrivateKeyFile'];
  if (pair.filter(given).length === 1) refuse(`${pair.map(flag).join(' and ')} need each other`, ...pair);
}

function defaultRoot(inputs: ConfigurationInputs): string {
  if (inputs.isRoot) return '/var/lib/wasmlet';
  const { XDG_STATE_HOME: state, HOME: home } = inputs.environment;
  if (state) return path.join(state, 'wasmlet');
  if (home) return path.join(home, '.local', 'state', 'wasmlet');
  throw new WasmletError('CONFIG_INVALID', 'neither HOME nor XDG_STATE_HOME is set: give --root-dir DIR');
}

function optionalPath(value: unknown): string | undefined {
  return typeof value === 'string' ? path.resolve(value) : undefined;
}

const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A Go duration (`1m30s`) in milliseconds. */
export function parseDuration(text: string, field: string): number {
  let total = 0;
  const rest = text.replaceAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g, (_, count: string, unit: string) => {
    total += Number(count) * units[unit]!;
    return '';
  });
  if (text === '' || rest !== '') throw new WasmletError('CONFIG_INVALID', `${field}: ${JSON.stringify(text)} is not a duration such as 10s or 1m30s`);
  return total;
}

const multiples: Record<string, number> = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** A quantity of bytes (`64Mi`, `1G`, `1048576`). */
export function parseBytes(text: string, field: string): number {
  const match = /^(\d+(?:\.\d+)?)([kMGT]|[KMGT]i)?$/.exec(text);
  const bytes = match ? Number(match[1]) * multiples[match[2] ?? '']! : NaN;
  if (!Number.isSafeInteger(Math.round(bytes)) || bytes <= 0) throw new WasmletError('CONFIG_INVALID', `${field}: ${JSON.stringify(text)} is not a size such as 64Mi or 1G`);
  return Math.round(bytes);
}

/**
 * The options of `wasmlet node`, in one table: flag, environment and configuration field. Flags win over the environment,
 * the environment over the file. Krustlet's names are accepted where they still make sense.
 */
import { WasmletError } from '../api/errors.ts';

export interface NodeOption {
  /** Field of the configuration file, or of the invocation (`kubeconfig`, …). */
  readonly field: string;
  readonly flag: string;
  /** `<value>` placeholder; absent: a switch. */
  readonly value?: string;
  readonly description: string;
  /** Krustlet's flag and environment names. */
  readonly krustletFlag?: string;
  readonly krustletEnvironment?: string;
  readonly parse?: (text: string, name: string) => unknown;
}

export const nodeOptions: readonly NodeOption[] = [
  { field: 'config', flag: '--config', value: '<file>', description: 'configuration file (default: /etc/wasmlet/config.yaml where it exists)' },
  { field: 'rootDir', flag: '--root-dir', value: '<dir>', description: "the node's state (root: /var/lib/wasmlet, else $XDG_STATE_HOME/wasmlet)", krustletFlag: '--data-dir', krustletEnvironment: 'KRUSTLET_DATA_DIR' },
  { field: 'kubeconfig', flag: '--kubeconfig', value: '<file>', description: 'identity to join with; written by the bootstrap when it does not exist' },
  { field: 'bootstrapKubeconfig', flag: '--bootstrap-kubeconfig', value: '<file>', description: 'credentials that may ask for an identity (see `wasmlet bootstrap`)', krustletFlag: '--bootstrap-file', krustletEnvironment: 'KRUSTLET_BOOTSTRAP_FILE' },
  { field: 'standalone', flag: '--standalone', description: 'no cluster: run the pods of a manifests directory' },
  { field: 'staticPodPath', flag: '--manifests', value: '<dir>', description: 'directory (or file) of pod manifests' },
  { field: 'nodeName', flag: '--node-name', value: '<name>', description: 'name of the Node object (default: the hostname in lower case)', krustletFlag: '--node-name', krustletEnvironment: 'KRUSTLET_NODE_NAME' },
  { field: 'hostname', flag: '--hostname-override', value: '<name>', description: "hostname to report instead of the machine's", krustletFlag: '--hostname', krustletEnvironment: 'KRUSTLET_HOSTNAME' },
  { field: 'nodeIP', flag: '--node-ip', value: '<address>', description: 'address to report; must be on this machine', krustletFlag: '--node-ip', krustletEnvironment: 'KRUSTLET_NODE_IP' },
  { field: 'nodeLabels', flag: '--node-labels', value: '<k=v,…>', description: 'labels to register with', krustletFlag: '--node-labels', krustletEnvironment: 'NODE_LABELS', parse: labels },
  { field: 'registerWithTaints', flag: '--register-with-taints', value: '<k=v:effect,…>', description: 'taints to register with, in place of kubernetes.io/arch=wasm32-wasi', parse: taints },
  { field: 'providerID', flag: '--provider-id', value: '<id>', description: "the cloud's name for this machine" },
  { field: 'address', flag: '--address', value: '<address>', description: 'where the HTTPS server listens (default 0.0.0.0)', krustletFlag: '--addr', krustletEnvironment: 'KRUSTLET_ADDRESS' },
  { field: 'port', flag: '--port', value: '<port>', description: 'port of the HTTPS server (default 10250; 0: any free one)', krustletFlag: '--port', krustletEnvironment: 'KRUSTLET_PORT', parse: portNumber },
  { field: 'healthzPort', flag: '--healthz-port', value: '<port>', description: 'port of the plain /healthz on loopback (default 10248; 0: none)', parse: portNumber },
  { field: 'maxPods', flag: '--max-pods', value: '<n>', description: 'pods that the node takes (default 110)', krustletFlag: '--max-pods', krustletEnvironment: 'MAX_PODS', parse: integer },
  { field: 'clientCAFile', flag: '--client-ca-file', value: '<file>', description: "certificate authority of the server's clients (default: the kubeconfig's)" },
  { field: 'tlsCertFile', flag: '--tls-cert-file', value: '<file>', description: 'serving certificate', krustletFlag: '--cert-file', krustletEnvironment: 'KRUSTLET_CERT_FILE' },
  { field: 'tlsPrivateKeyFile', flag: '--tls-private-key-file', value: '<file>', description: 'key of the serving certificate', krustletFlag: '--private-key-file', krustletEnvironment: 'KRUSTLET_PRIVATE_KEY_FILE' },
  { field: 'serverTLSBootstrap', flag: '--server-tls-bootstrap', description: 'ask the cluster to sign the serving certificate (somebody must approve it)' },
  { field: 'pluginDirectories', flag: '--plugins-dir', value: '<dir,…>', description: 'directories of third-party plugins', krustletFlag: '--plugins-dir', krustletEnvironment: 'KRUSTLET_PLUGINS_DIR', parse: list },
  { field: 'registries', flag: '--insecure-registries', value: '<host,…>', description: 'registries to speak plain HTTP with', krustletFlag: '--insecure-registries', krustletEnvironment: 'KRUSTLET_INSECURE_REGISTRIES', parse: (text) => list(text).map((prefix) => ({ prefix, plainHTTP: true })) },
  { field: 'logLevel', flag: '--log-level', value: '<level>', description: 'debug, info (default), warn or error', parse: level },
];

/** Environment variable of an option: `--node-ip` → `WASMLET_NODE_IP`. */
export function environmentName(option: NodeOption): string {
  return `WASMLET_${option.flag.slice(2).replaceAll('-', '_').toUpperCase()}`;
}

/** The value of an option as its flag or environment variable gives it. Throws CONFIG_INVALID naming `name`. */
export function parseOption(option: NodeOption, text: string, name: string): unknown {
  if (option.parse) return option.parse(text, name);
  if (option.value !== undefined) return text;
  if (text === 'true' || text === 'false') return text === 'true';
  throw new WasmletError('CONFIG_INVALID', `${name}: ${JSON.stringify(text)} is neither true nor false`);
}

function integer(text: string, name: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new WasmletError('CONFIG_INVALID', `${name}: ${JSON.stringify(text)} is not a whole number`);
  return value;
}

function portNumber(text: string, name: string): number {
  const value = integer(text, name);
  if (value > 65_535) throw new WasmletError('CONFIG_INVALID', `${name}: ${text} is not a port; they end at 65535`);
  return value;
}

function level(text: string, name: string): string {
  if (!['debug', 'info', 'warn', 'error'].includes(text)) throw new WasmletError('CONFIG_INVALID', `${name}: ${JSON.stringify(text)} is none of debug, info, warn, error`);
  return text;
}

function list(text: string): string[] {
  return text.split(',').map((item) => item.trim()).filter((item) => item !== '');
}

function labels(text: string): Record<string, string> {
  return Object.fromEntries(list(text).map((pair) => {
    const at = pair.indexOf('=');
    return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
  }));
}

function taints(text: string, name: string): { key: string; value?: string; effect: string }[] {
  return list(text).map((taint) => {
    const match = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(taint);
    if (!match) throw new WasmletError('CONFIG_INVALID', `${name}: ${JSON.stringify(taint)} is not key[=value]:effect`);
    return { key: match[1]!, effect: match[3]!, ...(match[2] === undefined ? {} : { value: match[2] }) };
  });
}

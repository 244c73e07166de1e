/**
 * Reads kubeconfig files (client-go: clientcmd) into what one connection needs. The files are parsed here and not by
 * client-node: docs/adr/0009-own-api-client.md.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { WasmletError, messageOf } from '../../api/errors.ts';

/** A certificate or key: inline, or a file that is read again when it changes (rotation). */
export type Material = { readonly data: string } | { readonly file: string };

/** `users[].user.exec`: a credential plugin (client.authentication.k8s.io). */
export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly provideClusterInfo: boolean;
}

/** One context of a kubeconfig, resolved: where the API server is and as whom to speak. */
export interface ClusterAccess {
  readonly server: string;
  readonly ca?: Material;
  readonly insecureSkipTLSVerify: boolean;
  readonly tlsServerName?: string;
  readonly proxyURL?: string;
  readonly certificate?: Material;
  readonly key?: Material;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly exec?: ExecPlugin;
  readonly namespace: string;
}

type Entry = Record<string, unknown>;

/**
 * The current context (or `context`) of one kubeconfig or several: as with $KUBECONFIG the first file that has a name wins.
 * Relative paths count from the file that holds them. Throws KUBECONFIG_INVALID with the file and the field.
 */
export async function readKubeconfig(files: string | readonly string[], context?: string): Promise<ClusterAccess> {
  const documents = await Promise.all((typeof files === 'string' ? [files] : files).map(load));
  return resolveAccess(documents, context);
}

interface Document {
  readonly file: string;
  readonly content: Entry;
}

async function load(file: string): Promise<Document> {
  const { parse } = await import('yaml');
  let content: unknown;
  try {
    content = parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${file}: ${firstLine(messageOf(error))}`, { cause: error });
  }
  if (!isEntry(content)) throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${file}: not a mapping`);
  return { file, content };
}

/** The parser's lines below the first quote the file, which may hold secrets. */
function firstLine(message: string): string {
  return message.split('\n', 1)[0]!.replace(/:$/, '');
}

function resolveAccess(documents: readonly Document[], wanted: string | undefined): ClusterAccess {
  const contextName = wanted ?? firstString(documents, 'current-context');
  if (contextName === undefined) throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${names(documents)}: no current-context`);
  const context = find(documents, 'contexts', 'context', contextName);
  const cluster = find(documents, 'clusters', 'cluster', text(context, 'cluster') ?? '');
  const userName = text(context, 'user');
  const user = userName === undefined || userName === '' ? { file: cluster.file, path: '', entry: {} } : find(documents, 'users', 'user', userName);
  const server = text(cluster, 'server');
  if (server === undefined || !/^https?:\/\//.test(server) || !URL.canParse(server)) {
    throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${cluster.file}: ${cluster.path}.server must be an http or https URL`);
  }
  const proxyURL = text(cluster, 'proxy-url');
  if (proxyURL !== undefined && !/^https?:\/\//.test(proxyURL)) {
    throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${cluster.file}: ${cluster.path}.proxy-url must be an http or https URL`);
  }
  if (user.entry['auth-provider'] !== undefined) {
    throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${user.file}: ${user.path}.auth-provider was removed from Kubernetes; use an exec credential plugin`);
  }
  return {
    server: server.replace(/\/+$/, ''),
    insecureSkipTLSVerify: cluster.entry['insecure-skip-tls-verify'] === true,
    namespace: text(context, 'namespace') ?? 'default',
    ...defined({
      ca: material(cluster, 'certificate-authority'),
      tlsServerName: text(cluster, 'tls-server-name'),
      proxyURL,
      certificate: material(user, 'client-certificate'),
      key: material(user, 'client-key'),
      token: text(user, 'token'),
      tokenFile: path(user, 'tokenFile'),
      username: text(user, 'username'),
      password: text(user, 'password'),
      exec: execPlugin(user),
    }),
  };
}

interface Located {
  readonly file: string;
  readonly path: string;
  readonly entry: Entry;
}

function find(documents: readonly Document[], list: string, field: string, name: string): Located {
  for (const { file, content } of documents) {
    const items = content[list];
    if (!Array.isArray(items)) continue;
    const item: unknown = items.find((candidate) => isEntry(candidate) && candidate['name'] === name);
    if (isEntry(item) && isEntry(item[field])) return { file, path: `${list}[${name}].${field}`, entry: item[field] };
  }
  throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${names(documents)}: ${list} has no ${JSON.stringify(name)}`);
}

function text({ file, path: at, entry }: Located, field: string): string | undefined {
  const value = entry[field];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${file}: ${at}.${field} must be a string`);
  return value;
}

function path(located: Located, field: string): string | undefined {
  const value = text(located, field);
  return value === undefined ? undefined : resolve(dirname(located.file), value);
}

/** `<field>-data` (base64) goes before the file `<field>`, as in client-go. */
function material(located: Located, field: string): Material | undefined {
  const data = text(located, `${field}-data`);
  if (data !== undefined) return { data: Buffer.from(data, 'base64').toString('utf8') };
  const file = path(located, field);
  return file === undefined ? undefined : { file };
}

function execPlugin(user: Located): ExecPlugin | undefined {
  const entry = user.entry['exec'];
  if (entry === undefined || entry === null) return undefined;
  const located: Located = { file: user.file, path: `${user.path}.exec`, entry: isEntry(entry) ? entry : {} };
  const command = text(located, 'command');
  const apiVersion = text(located, 'apiVersion');
  if (command === undefined || apiVersion === undefined || !/^client\.authentication\.k8s\.io\/v1(beta1)?$/.test(apiVersion)) {
    throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${user.file}: ${located.path} needs a command and apiVersion client.authentication.k8s.io/v1 or v1beta1`);
  }
  const args = located.entry['args'] ?? [];
  const env = located.entry['env'] ?? [];
  if (!Array.isArray(args) || !Array.isArray(env)) throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${user.file}: ${located.path}.args and .env must be lists`);
  return {
    apiVersion,
    // A command with a slash counts from the kubeconfig's directory, a bare one is looked up in PATH.
    command: command.includes('/') ? resolve(dirname(user.file), command) : command,
    args: args.map(String),
    env: env.filter(isEntry).map((variable) => ({ name: String(variable['name']), value: String(variable['value']) })),
    provideClusterInfo: located.entry['provideClusterInfo'] === true,
  };
}

function firstString(documents: readonly Document[], field: string): string | undefined {
  return documents.map(({ content }) => content[field]).find((value): value is string => typeof value === 'string' && value !== '');
}

function names(documents: readonly Document[]): string {
  return documents.map(({ file }) => file).join(':');
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function defined<T extends object>(fields: { [Key in keyof T]: T[Key] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

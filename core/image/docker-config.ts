import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, WasmletError } from '../api/errors.ts';
import type { RegistryCredentials } from '../api/image.ts';
import { dockerConfigCredentials } from '../pod/pull-secret.ts';

export interface UserCredentialsOptions {
  /** `$DOCKER_CONFIG`, or `~/.docker`. */
  readonly directory: string;
  /** Host[:port] as references name it. */
  readonly registry: string;
  /** Told when a credential helper cannot be asked: the pull may succeed without it. */
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

interface DockerConfig {
  readonly auths?: unknown;
  readonly credHelpers?: Readonly<Record<string, unknown>>;
  readonly credsStore?: unknown;
}

/** What `docker login` left for a registry: from the credential helper that its config.json names, or from its `auths`. */
export async function userCredentials(options: UserCredentialsOptions): Promise<readonly RegistryCredentials[]> {
  const file = path.join(options.directory, 'config.json');
  const config = await readConfig(file);
  if (config === undefined) return [];
  const helper = config.credHelpers?.[options.registry] ?? config.credsStore;
  const helped = typeof helper === 'string' && helper !== '' ? await askHelper(helper, options) : undefined;
  return [...(helped === undefined ? [] : [helped]), ...dockerConfigCredentials(config.auths)];
}

async function readConfig(file: string): Promise<DockerConfig | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new WasmletError('CONFIG_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
  }
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config === 'object' && config !== null) return config;
  } catch (error) {
    throw new WasmletError('CONFIG_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
  }
  throw new WasmletError('CONFIG_INVALID', `${file}: it is not an object`);
}

/** docker-credential-helpers' protocol: `docker-credential-NAME get`, the server on stdin, JSON on stdout. */
async function askHelper(name: string, { registry, warn, signal }: UserCredentialsOptions): Promise<RegistryCredentials | undefined> {
  const program = `docker-credential-${name}`;
  if (!/^[\w.-]+$/.test(name)) {
    warn(`the credential helper ${JSON.stringify(name)} is not a name; it is left out`);
    return undefined;
  }
  try {
    const { code, stdout, stderr } = await run(program, registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry, signal);
    // "credentials not found in native keychain": none for this registry, and no fault.
    if (code !== 0 && /not found/i.test(stdout + stderr)) return undefined;
    if (code !== 0) throw new Error(`it ended with ${code}: ${(stderr || stdout).trim().slice(0, 200)}`);
    const { Username: username, Secret: secret } = JSON.parse(stdout) as { Username?: unknown; Secret?: unknown };
    if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return undefined;
    return username === '<token>' ? { registry, identityToken: secret } : { registry, username, password: secret };
  } catch (error) {
    signal.throwIfAborted();
    warn(`${program} gives no credentials for ${registry}: ${messageOf(error)}`);
    return undefined;
  }
}

function run(program: string, input: string, signal: AbortSignal): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], { stdio: 'pipe', signal });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
    // A helper that ends without reading is judged by its code.
    child.stdin.on('error', () => undefined).end(input);
  });
}

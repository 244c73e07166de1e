import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const components = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'metrics-server',
  'kubectl',
  'registry',
] as const;

/** A program of the control plane, by its upstream name. */
export type Component = (typeof components)[number];

/** Where each program lies (absolute paths). One that is missing was not in `KUBEBUILDER_ASSETS`. */
export type Binaries = { readonly [C in Component]?: string };

/** The programs, or the reason why there can be none on this machine (tests then skip and print it). */
export type BinariesOrReason = { readonly binaries: Binaries } | { readonly unavailable: string };

const source = join(import.meta.dirname, 'controlplane');
const kubernetesVersion = 'v1.37.2';
const linkerFlags = [
  '-s -w',
  `-X k8s.io/component-base/version.gitVersion=${kubernetesVersion}`,
  '-X k8s.io/component-base/version.gitMajor=1',
  '-X k8s.io/component-base/version.gitMinor=37',
].join(' ');

/**
 * Finds the control plane's programs: those in `KUBEBUILDER_ASSETS` where it is set (the directory that
 * `setup-envtest` prints), else the multicall binary of `controlplane/`, built once per version of its
 * sources and kept in the user's cache directory.
 *
 * @param progress called with one line of plain text now and then while a build runs (4 min on 2 cores)
 * @throws Error when `KUBEBUILDER_ASSETS` lacks a program that is needed, or the build fails
 */
export async function findBinaries(progress: (line: string) => void): Promise<BinariesOrReason> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets) return { binaries: binariesOfAssets(assets) };
  const directory = join(cacheDirectory(), await hashOfSources());
  if (!existsSync(directory)) {
    if (spawnSync('go', ['version']).error) {
      return {
        unavailable:
          'no Go toolchain to build the control plane with (install Go 1.26, or set KUBEBUILDER_ASSETS)',
      };
    }
    await withLock(directory, progress, () => build(directory, progress));
  }
  return { binaries: Object.fromEntries(components.map((name) => [name, join(directory, name)])) };
}

function binariesOfAssets(directory: string): Binaries {
  const binaries = Object.fromEntries(
    components.map((name) => [name, join(directory, name)]).filter(([, path]) => existsSync(path!)),
  ) as Binaries;
  for (const name of ['etcd', 'kube-apiserver', 'kubectl'] as const) {
    if (!binaries[name]) throw new Error(`KUBEBUILDER_ASSETS=${directory} has no ${name}`);
  }
  return binaries;
}

function cacheDirectory(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'wasmlet', 'control-plane');
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256').update(linkerFlags).update(process.arch);
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(await readFile(join(source, file)));
  return hash.digest('hex').slice(0, 16);
}

/** Builds beside the target and renames, so that a directory of that name is always complete. */
async function build(directory: string, progress: (line: string) => void): Promise<void> {
  if (existsSync(directory)) return;
  await mkdir(dirname(directory), { recursive: true });
  const draft = await mkdtemp(join(dirname(directory), '.building-'));
  try {
    await compile(join(draft, 'control-plane'), progress);
    for (const name of components) await symlink('control-plane', join(draft, name));
    await rename(draft, directory);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function compile(output: string, progress: (line: string) => void): Promise<void> {
  progress(`building the control plane ${kubernetesVersion} (once; some minutes)`);
  const started = Date.now();
  const go = spawn('go', ['build', '-v', '-ldflags', linkerFlags, '-o', output, '.'], {
    cwd: source,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let tail: string[] = [];
  const ticker = setInterval(() => {
    progress(`building the control plane, ${Math.round((Date.now() - started) / 1000)} s: ${tail.at(-1) ?? 'linking'}`);
  }, 10_000);
  createInterface(go.stderr).on('line', (line) => {
    tail = [...tail, line].slice(-20);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    go.once('error', reject);
    go.once('close', resolve);
  }).finally(() => clearInterval(ticker));
  if (code !== 0) throw new Error(`go build of the control plane ended with ${code}:\n${tail.join('\n')}`);
  progress(`built the control plane in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** Holds an abstract Unix socket meanwhile: the kernel frees it with its process, so no lock goes stale. */
async function withLock<T>(name: string, progress: (line: string) => void, work: () => Promise<T>): Promise<T> {
  const address = `\0wasmlet-${createHash('sha256').update(name).digest('hex')}`;
  let server = await tryListen(address);
  if (!server) progress('waiting for another build of the control plane');
  while (!server) {
    await sleep(500);
    server = await tryListen(address);
  }
  try {
    return await work();
  } finally {
    server.close();
  }
}

function tryListen(address: string): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => resolve(server));
  });
}

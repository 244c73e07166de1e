/** `npm run cluster`: a real control plane for people. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { findBinaries } from './build.ts';
import { ClusterAccess, type ClusterDescription } from './cluster-access.ts';
import { startControlPlane } from './control-plane.ts';

const defaultDirectory = join(process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'wasmlet', 'cluster');

const program = new Command('npm run cluster --')
  .description(
    'A real Kubernetes control plane on this machine, without containers: etcd, kube-apiserver, ' +
      'kube-controller-manager, kube-scheduler and an OCI registry on free ports of 127.0.0.1. ' +
      'It has no nodes until a wasmlet joins it.\n\n' +
      'The first start builds it from source (Go needed, some minutes); set KUBEBUILDER_ASSETS to use the ' +
      'etcd, kube-apiserver and kubectl of envtest instead.',
  )
  .option('--dir <directory>', 'where its keys, data and logs are', defaultDirectory)
  .addHelpText(
    'after',
    '\nExample:\n' +
      '  npm run cluster -- up\n' +
      '  eval "$(npm run --silent cluster -- env)"      # KUBECONFIG, REGISTRY, and its kubectl in PATH\n' +
      '  kubectl get nodes\n' +
      '  npm run wasmlet -- node --kubeconfig "$KUBECONFIG" --node-ip 127.0.0.1\n' +
      '  npm run cluster -- down',
  );
program.command('up').description('start it; it stays up after this command').action(up);
program.command('env').description('print shell exports for the running one').action(env);
program.command('down').description('end its processes and delete its data').action(down);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function directoryOption(): string {
  return resolve(program.opts<{ dir: string }>().dir);
}

async function up(): Promise<void> {
  const directory = directoryOption();
  if (existsSync(join(directory, 'cluster.json'))) {
    throw new Error(`${directory} holds a cluster already: "npm run cluster -- down" ends it`);
  }
  if (existsSync(directory) && (await readdir(directory)).length > 0) throw new Error(`${directory} is not empty`);
  const found = await findBinaries((line) => process.stderr.write(`${line}\n`));
  if ('unavailable' in found) throw new Error(found.unavailable);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const started = performance.now();
  const { description } = await startControlPlane({ directory, detached: true, binaries: found.binaries }).catch(
    async (error: unknown) => {
      await rm(directory, { recursive: true, force: true });
      throw error;
    },
  );
  const { url, kubeconfig, binaries, registry } = description;
  process.stdout.write(
    [
      `control plane ready in ${((performance.now() - started) / 1000).toFixed(1)} s`,
      `  API server  ${url}`,
      `  kubeconfig  ${kubeconfig}`,
      `  kubectl     ${binaries.kubectl} --kubeconfig ${kubeconfig}`,
      `  registry    ${registry ? `${registry.address} (plain http, anonymous)` : 'none: not in KUBEBUILDER_ASSETS'}`,
      `  logs        ${join(directory, 'logs')}`,
      ...(binaries['kube-controller-manager'] && binaries['kube-scheduler']
        ? []
        : ['  without kube-controller-manager or kube-scheduler: not in KUBEBUILDER_ASSETS']),
      '',
    ].join('\n'),
  );
}

async function env(): Promise<void> {
  const { kubeconfig, binaries, registry, directory } = await describe();
  const lines = [
    `export KUBECONFIG=${quote(kubeconfig)}`,
    `export PATH=${quote(dirname(binaries.kubectl!))}${delimiter}"$PATH"`,
    ...(registry ? [`export REGISTRY=${registry.address}`] : []),
    // The e2e tests then use this cluster instead of one of their own.
    `export WASMLET_TEST_CLUSTER=${quote(join(directory, 'cluster.json'))}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function down(): Promise<void> {
  const { directory, pids } = await describe();
  await Promise.all(Object.values(pids).map((pid) => end(pid, directory)));
  await rm(directory, { recursive: true });
  process.stdout.write(`ended ${Object.keys(pids).join(', ')}; removed ${directory}\n`);
}

async function describe(): Promise<ClusterDescription> {
  const path = join(directoryOption(), 'cluster.json');
  if (!existsSync(path)) throw new Error(`no cluster in ${directoryOption()}: "npm run cluster -- up" starts one`);
  return (await ClusterAccess.open(path)).description;
}

/** SIGTERM, SIGKILL after 2 s. A pid that now belongs to something else is left alone. */
async function end(pid: number, directory: string): Promise<void> {
  for (let waited = 0; await isOurs(pid, directory); waited += 50) {
    if (waited === 0) process.kill(pid, 'SIGTERM');
    else if (waited === 2000) process.kill(pid, 'SIGKILL');
    else if (waited > 10_000) throw new Error(`process ${pid} does not end`);
    await sleep(50);
  }
}

/** Every component has a path in the cluster's directory among its arguments; a zombie has no arguments. */
async function isOurs(pid: number, directory: string): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(`${directory}/`);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

import os from 'node:os';
import path from 'node:path';
import { Option } from 'commander';
import type { Command } from 'commander';
import { WasmletError } from '../../api/errors.ts';
import { fromFlag } from '../../config/flag-value.ts';
import { parseDuration } from '../../config/load-configuration.ts';
import { silentLogger } from '../../telemetry/logger.ts';
import { systemClock } from '../../telemetry/system-clock.ts';
import type { CliContext } from '../context.ts';

interface BootstrapOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly out: string;
  readonly ttl: string;
  readonly output: 'text' | 'json';
}

export function registerBootstrap(program: Command, context: CliContext): void {
  program
    .command('bootstrap')
    .description('With an administrator\'s kubeconfig: let nodes join, and write the kubeconfig that they ask with.')
    .option('--kubeconfig <file>', "the administrator's (default: $KUBECONFIG, else ~/.kube/config)")
    .option('--context <name>', 'context in it (default: the current one)')
    .option('-o, --out <file>', 'where the bootstrap kubeconfig goes, mode 0600', 'bootstrap.kubeconfig')
    .option('--ttl <duration>', 'how long its token lives', '24h')
    .addOption(new Option('--output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', `
It makes a bootstrap token and binds the node bootstrappers to the roles that approve their client certificates.
Running it again makes another token and leaves the rest as it is.

Examples:
  $ wasmlet bootstrap --out bootstrap.kubeconfig
  $ scp bootstrap.kubeconfig edge:  &&  ssh edge wasmlet node --bootstrap-kubeconfig bootstrap.kubeconfig`)
    .action((options: BootstrapOptions) => bootstrap(context, options));
}

async function bootstrap(context: CliContext, options: BootstrapOptions): Promise<void> {
  const lifetime = fromFlag(() => parseDuration(options.ttl, '--ttl'));
  const { ApiClient } = await import('../../kube/api/api-client.ts');
  const { ApiError } = await import('../../kube/api/api-error.ts');
  const { readKubeconfig } = await import('../../kube/api/kubeconfig.ts');
  const { bootstrapCluster } = await import('../../kube/identity/bootstrap-cluster.ts');
  const named = (context.environment['KUBECONFIG'] ?? '').split(':').filter((file) => file !== '');
  const files = options.kubeconfig ?? (named.length > 0 ? named : path.join(os.homedir(), '.kube', 'config'));
  const access = await readKubeconfig(files, options.context);
  const api = new ApiClient({ access, clock: systemClock, logger: silentLogger, userAgent: `wasmlet/${context.installation.version}`, environment: { ...context.environment } });
  try {
    const result = await bootstrapCluster({ api, access, output: path.resolve(options.out), lifetime, clock: systemClock });
    if (options.output === 'json') {
      context.stdout.write(`${JSON.stringify({ ...result, kubeconfig: path.resolve(options.out) }, null, 2)}\n`);
      return;
    }
    context.stdout.write(`${result.created.map((name) => `${name} created\n`).join('')}${options.out} written; its token is good until ${result.expires}\n`);
    context.stderr.write(`\nOn the new node:\n  wasmlet node --bootstrap-kubeconfig ${options.out}\n`);
  } catch (error) {
    if (error instanceof ApiError) throw new WasmletError('BOOTSTRAP_FAILED', error.message, { cause: error });
    // Connections and TLS fail with a code; files with a path beside it; our own mistakes are TypeErrors.
    if (error instanceof Error && !(error instanceof WasmletError) && !(error instanceof TypeError) && 'code' in error && !('path' in error)) {
      throw new WasmletError('BOOTSTRAP_FAILED', `the API server ${access.server} cannot be reached: ${error.message}`, { cause: error });
    }
    throw error;
  } finally {
    api.close();
  }
}

import { copyFile } from 'node:fs/promises';
import { Option } from 'commander';
import type { Command } from 'commander';
import { messageOf, WasmletError } from '../../api/errors.ts';
import type { CliContext } from '../context.ts';
import { formatBytes, Progress, watchBlobs } from '../output/progress.ts';
import { addRegistryOptions } from '../options/registry-options.ts';
import type { RegistryOptions } from '../options/registry-options.ts';

interface PullOptions extends RegistryOptions {
  readonly out?: string;
  readonly output: 'text' | 'json';
}

export function registerPull(program: Command, context: CliContext): void {
  addRegistryOptions(program.command('pull'))
    .description("Fetch an image's Wasm; prints the digest of the Wasm.")
    .argument('<image>', 'a reference such as registry.example.com/tools/hello:1, or oci-layout:DIR:NAME:TAG')
    .option('-o, --out <file>', 'write the Wasm to this file')
    .addOption(new Option('--output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', `
Images come as CNCF Wasm artifacts, as wasm-to-oci, wkg and Spin push them, and as container images
that hold a .wasm file. The bytes are kept in the user's cache, where "wasmlet run" finds them.
Credentials are those of "docker login" (~/.docker/config.json and its helpers).

Examples:
  $ wasmlet pull localhost:5000/hello:v1 -o hello.wasm
  $ wasmlet pull ghcr.io/example/hello:1 --output json`)
    .action(async (image: string, options: PullOptions) => pull(context, image, options));
}

async function pull(context: CliContext, name: string, options: PullOptions): Promise<void> {
  const { openImageStore, parseOperand, userCredentials, withImages } = await import('../local/local-images.ts');
  const operand = parseOperand(name, options);
  await withImages(context, operand, {}, async (plugins, signal) => {
    const progress = new Progress(context.stderr, 'pulling');
    const images = openImageStore(context, plugins, (blobs) => watchBlobs(blobs, progress));
    const credentials = await userCredentials(context, operand.reference, signal);
    const { image } = await images.pull({ reference: operand.reference, credentials }, signal).finally(() => progress.end());
    const { artifact } = image;
    if (options.out !== undefined) await write(artifact.path, options.out);
    if (options.output === 'json') {
      context.stdout.write(`${JSON.stringify({ image: name, id: image.id, sizeBytes: image.sizeBytes, artifact: { name: artifact.name, kind: artifact.kind, digest: artifact.digest, sizeBytes: artifact.sizeBytes, path: options.out ?? artifact.path } }, null, 2)}\n`);
    } else {
      context.stderr.write(`pulled ${artifact.name} (${formatBytes(artifact.sizeBytes)}) from ${name}${options.out === undefined ? '' : ` to ${options.out}`}\n`);
      context.stdout.write(`${artifact.digest}\n`);
    }
  });
}

async function write(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (error) {
    throw new WasmletError('USAGE', `--out ${to}: ${messageOf(error)}`, { cause: error });
  }
}

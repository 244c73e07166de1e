import { stat } from 'node:fs/promises';
import { Option } from 'commander';
import type { Command } from 'commander';
import { WasmletError } from '../../api/errors.ts';
import type { PushFormat } from '../../api/image.ts';
import type { CliContext } from '../context.ts';
import { formatBytes, Progress } from '../output/progress.ts';
import { inspectProgram, readProgram } from '../local/program-file.ts';
import { addRegistryOptions } from '../options/registry-options.ts';
import type { RegistryOptions } from '../options/registry-options.ts';

interface PushOptions extends RegistryOptions {
  readonly format: PushFormat;
  readonly output: 'text' | 'json';
}

export function registerPush(program: Command, context: CliContext): void {
  addRegistryOptions(program.command('push'))
    .description('Store a Wasm file as an image in a registry; prints the digest of its manifest.')
    .argument('<file>', 'a core module or a component')
    .argument('<image>', 'a reference such as registry.example.com/tools/hello:1, or oci-layout:DIR:NAME:TAG')
    .addOption(new Option('--format <format>', 'cncf: the CNCF Wasm OCI artifact; wasm-to-oci: what Krustlet pulls').choices(['cncf', 'wasm-to-oci']).default('cncf'))
    .addOption(new Option('--output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', `
Credentials are those of "docker login" (~/.docker/config.json and its helpers). The same file gives
the same digest again: the image's time is the file's time of change, or $SOURCE_DATE_EPOCH.

Examples:
  $ wasmlet push hello.wasm localhost:5000/hello:v1
  $ wasmlet push hello.wasm registry.example.com/hello:v1 --format wasm-to-oci
  $ wasmlet push hello.wasm oci-layout:./images:hello:v1      a directory in place of a registry`)
    .action(async (file: string, image: string, options: PushOptions) => push(context, file, image, options));
}

async function push(context: CliContext, file: string, image: string, options: PushOptions): Promise<void> {
  const { parseOperand, userCredentials, withImages } = await import('../local/local-images.ts');
  const { parseReference } = await import('../../image/reference.ts');
  const { sourceFor } = await import('../../image/image-store.ts');
  const operand = parseOperand(image, options);
  const reference = parseReference(operand.reference);
  if (reference.digest !== undefined) throw new WasmletError('USAGE', `${image}: push to a tag; the digest follows from the content`);
  const bytes = await readProgram(file);
  const inspection = await inspectProgram(file, bytes);
  const created = await timeOf(file, context.environment['SOURCE_DATE_EPOCH']);

  await withImages(context, operand, {}, async (plugins, signal) => {
    const source = sourceFor(reference, plugins.imageSources);
    if (source.push === undefined) throw new WasmletError('REGISTRY_REFUSED', `the image source ${source.name} can only be read`);
    const progress = new Progress(context.stderr, 'pushing');
    const credentials = await userCredentials(context, operand.reference, signal);
    const pushed = await source
      .push(reference, credentials, { bytes, fileName: file, format: options.format, inspection, created, progress: (sent) => progress.update(sent, bytes.length) }, signal)
      .finally(() => progress.end());
    if (options.output === 'json') {
      context.stdout.write(`${JSON.stringify({ image, ...pushed }, null, 2)}\n`);
    } else {
      context.stderr.write(`pushed ${file} (${formatBytes(bytes.length)}) to ${image}\n`);
      context.stdout.write(`${pushed.manifestDigest}\n`);
    }
  });
}

/** reproducible-builds.org's variable goes before the file's own time. */
async function timeOf(file: string, epoch: string | undefined): Promise<string> {
  const time = epoch === undefined || epoch === '' ? (await stat(file)).mtime : new Date(Number(epoch) * 1000);
  if (Number.isNaN(time.getTime())) throw new WasmletError('USAGE', `SOURCE_DATE_EPOCH=${epoch}: give seconds since 1970`);
  return time.toISOString();
}

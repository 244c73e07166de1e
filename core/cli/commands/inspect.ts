import { existsSync } from 'node:fs';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { ArtifactInspection } from '../../api/artifact.ts';
import { WasmletError } from '../../api/errors.ts';
import type { RuntimeRegistry } from '../../api/runtime.ts';
import { explainRefusal } from '../../pod/accept-artifact.ts';
import type { CliContext } from '../context.ts';
import { describeArtifact } from '../output/describe-artifact.ts';
import { pluginsDirOption } from '../options/plugin-options.ts';
import type { PluginOptions } from '../options/plugin-options.ts';
import { readArtifact } from '../local/program-file.ts';
import { addRegistryOptions } from '../options/registry-options.ts';
import type { RegistryOptions } from '../options/registry-options.ts';

interface InspectOptions extends RegistryOptions, PluginOptions {
  readonly output: 'text' | 'json';
}

/** What is shown of a file or an image. */
export interface InspectedArtifact {
  readonly name: string;
  /** imageID; absent for a file. */
  readonly image?: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly inspection: ArtifactInspection;
  readonly runtimes: readonly { readonly name: string; readonly accepts: boolean; readonly reason?: string }[];
}

export function registerInspect(program: Command, context: CliContext): void {
  addRegistryOptions(program.command('inspect'))
    .description('Show what a Wasm file or image needs and gives, and which runtimes accept it.')
    .argument('<file-or-image>', 'a .wasm file, an image reference, or oci-layout:DIR:NAME:TAG')
    .addOption(pluginsDirOption())
    .addOption(new Option('--output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', `
Nothing of the program is executed. An image is pulled into the user's cache first.

Examples:
  $ wasmlet inspect hello.wasm
  $ wasmlet inspect localhost:5000/hello:v1 --output json`)
    .action(async (name: string, options: InspectOptions) => inspect(context, name, options));
}

async function inspect(context: CliContext, name: string, options: InspectOptions): Promise<void> {
  const isFile = existsSync(name);
  if (!isFile && /\.wasm$|^[./~]/.test(name)) throw new WasmletError('NOT_FOUND', `there is no file ${name}`);
  const { openImageStore, parseOperand, userCredentials, withImages } = await import('../local/local-images.ts');
  const operand = isFile ? undefined : parseOperand(name, options);
  await withImages(context, operand, options, async (plugins, signal) => {
    let found: Omit<InspectedArtifact, 'runtimes'>;
    if (operand === undefined) {
      const { digest, sizeBytes, inspection, name: fileName } = await readArtifact(name);
      found = { name: fileName, digest, sizeBytes, inspection };
    } else {
      const credentials = await userCredentials(context, operand.reference, signal);
      const { image } = await openImageStore(context, plugins).pull({ reference: operand.reference, credentials }, signal);
      const { artifact } = image;
      if (artifact.inspection.kind === 'module' && artifact.inspection.malformed !== undefined) throw new WasmletError('MODULE_MALFORMED', `${image.id}: ${artifact.inspection.malformed}`);
      found = { name: artifact.name, image: image.id, digest: artifact.digest, sizeBytes: artifact.sizeBytes, inspection: artifact.inspection };
    }
    const result = { ...found, runtimes: judge(plugins.runtimes, found.inspection) };
    context.stdout.write(options.output === 'json' ? `${JSON.stringify(result, null, 2)}\n` : describeArtifact(result));
  });
}

function judge(runtimes: RuntimeRegistry, inspection: ArtifactInspection): InspectedArtifact['runtimes'] {
  return runtimes.list().map(({ manifest, state, reason }) => {
    const refusal = state === 'inactive' ? `it is not active: ${reason ?? 'no reason given'}` : explainRefusal(manifest, inspection);
    return { name: manifest.name, accepts: refusal === undefined, ...(refusal === undefined ? {} : { reason: refusal }) };
  });
}

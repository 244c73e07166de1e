import type { ImageConfig } from '../../../core/api/image.ts';
import { record } from './read-manifest.ts';

/** An image configuration (image-spec, config.md), as far as Wasm needs it. */
export interface ImageConfiguration {
  readonly os: string;
  readonly architecture: string;
  readonly inherited: ImageConfig;
}

/** Throws an Error whose message is the cause. */
export function readImageConfig(bytes: Uint8Array): ImageConfiguration {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new Error(`the image's configuration is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const { os, architecture, config } = record(parsed, "the image's configuration");
  const inner = config === undefined || config === null ? {} : record(config, "the image configuration's config");
  const entrypoint = strings(inner['Entrypoint'], 'Entrypoint');
  const cmd = strings(inner['Cmd'], 'Cmd');
  const env = strings(inner['Env'], 'Env');
  const workingDir = inner['WorkingDir'];
  if (workingDir !== undefined && workingDir !== null && typeof workingDir !== 'string') throw new Error("the image configuration's WorkingDir is not text");
  return {
    os: typeof os === 'string' ? os : '',
    architecture: typeof architecture === 'string' ? architecture : '',
    inherited: {
      ...(entrypoint === undefined ? {} : { entrypoint }),
      ...(cmd === undefined ? {} : { cmd }),
      ...(env === undefined ? {} : { env: env.map(variable) }),
      ...(typeof workingDir === 'string' && workingDir !== '' ? { workingDir } : {}),
    },
  };
}

function variable(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function strings(value: unknown, name: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) throw new Error(`the image configuration's ${name} is not a list of texts`);
  return value.length === 0 ? undefined : value;
}

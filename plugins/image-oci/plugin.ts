import type { Plugin } from '../../core/api/plugin.ts';
import { OciImageSource } from './oci-image-source.ts';
import type { OciImageSourceOptions } from './oci-image-source.ts';
import type { RegistryEntry } from './registry-entry.ts';

interface Config {
  readonly registries: readonly RegistryEntry[];
  readonly stallTimeoutSeconds: number;
  readonly maxLayerBytes: number;
}

export const plugin: Plugin = {
  activate(context) {
    const config = context.config as unknown as Config;
    const options: OciImageSourceOptions = {
      registries: config.registries,
      stallMilliseconds: config.stallTimeoutSeconds * 1000,
      maxLayerBytes: config.maxLayerBytes,
    };
    context.registerImageSource(new OciImageSource(options));
  },
};

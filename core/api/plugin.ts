/** The plugin door: manifest (data, validated before any code loads) and the module it names. */
import type { ImageSource } from './image.ts';
import type { Logger } from './logger.ts';
import type { RuntimeManifest } from './runtime.ts';
import type { VolumePlugin } from './volume.ts';

/** plugin.json; its JSON Schema is docs/reference/plugin-manifest.schema.json. */
export interface PluginManifest {
  readonly apiVersion: 'wasmlet.dev/v1alpha1';
  /** Lower-case words joined by `-`. */
  readonly id: string;
  /** Semver range of wasmlet versions it works with. */
  readonly wasmlet: string;
  readonly description?: string;
  /** ES module that exports `plugin: Plugin`. Absent when everything it contributes is data (a runtime needs no main). */
  readonly main?: string;
  /** Plugin ids that must be active first. */
  readonly requires?: readonly string[];
  readonly contributes: {
    readonly runtimes?: readonly RuntimeManifest[];
    readonly volumes?: readonly { readonly type: string; readonly payload: 'files' | 'none' }[];
    readonly imageSources?: readonly { readonly name: string }[];
  };
  /** JSON Schema of the plugin's section in the node's configuration (`plugins.<id>`). */
  readonly configSchema?: object;
}

/** What a plugin gets. No container, no Kubernetes client. */
export interface PluginContext {
  /** Validated by `configSchema`, defaults applied. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly logger: Logger;
  /** `<root-dir>/plugins/<id>`, created on demand by the plugin. */
  readonly dataDirectory: string;
  /** Registering what the manifest does not declare is an error, and so is the reverse. */
  registerVolume(volume: VolumePlugin): void;
  registerImageSource(source: ImageSource): void;
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
}

export interface Plugin {
  activate(context: PluginContext): void | Promise<void>;
  deactivate?(): void | Promise<void>;
}

export type PluginOutcome =
  | { readonly id: string; readonly directory: string; readonly outcome: 'active' }
  /** Absent by configuration or because of the machine. */
  | { readonly id: string; readonly directory: string; readonly outcome: 'skipped'; readonly reason: string }
  | { readonly id: string; readonly directory: string; readonly outcome: 'failed'; readonly code: string; readonly reason: string };

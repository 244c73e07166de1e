import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, WasmletError } from '../api/errors.ts';
import type { ImageSource } from '../api/image.ts';
import type { Logger } from '../api/logger.ts';
import type { Plugin, PluginContext, PluginManifest, PluginOutcome } from '../api/plugin.ts';
import type { RegisteredRuntime, RuntimeRegistry } from '../api/runtime.ts';
import type { VolumePlugin } from '../api/volume.ts';
import { validate } from '../config/validate.ts';
import { manifestSchema } from './manifest-schema.ts';
import { orderByRequirements } from './order-by-requirements.ts';

export interface PluginHostOptions {
  /** Directories that each hold a plugin.json; the ones that ship with wasmlet come first. */
  readonly directories: readonly string[];
  /** wasmlet's own version, for the manifests' `wasmlet` range. */
  readonly version: string;
  /** The configuration's section for each plugin id. */
  readonly configuration: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly disabled: readonly string[];
  readonly runtimes: { readonly order: readonly string[]; readonly allowed: readonly string[] };
  /** `<root-dir>/plugins`. */
  readonly dataDirectory: string;
  readonly logger: Logger;
}

/** Of a plugin that takes no configuration. */
const noConfiguration = { type: 'object', maxProperties: 0 };

interface Loaded {
  readonly directory: string;
  readonly manifest: PluginManifest;
}

/**
 * The one door for everything in runtimes/, plugins/ and third-party directories. A plugin that fails is an outcome, not the
 * node's end; the only writer of what plugins contribute.
 */
export class PluginHost {
  readonly #options: PluginHostOptions;
  readonly #stop = new AbortController();
  readonly #outcomes: PluginOutcome[] = [];
  readonly #active: Plugin[] = [];
  readonly #runtimes = new Map<string, RegisteredRuntime>();
  readonly #volumes = new Map<string, { readonly plugin: VolumePlugin; readonly payload: 'files' | 'none' }>();
  readonly #imageSources = new Map<string, ImageSource>();

  constructor(options: PluginHostOptions) {
    this.#options = options;
  }

  /** Reads every manifest, then activates in the order that `requires` gives. */
  async start(): Promise<void> {
    const found = await Promise.all(this.#options.directories.map((directory) => this.#read(directory)));
    const loaded: Loaded[] = [];
    for (const plugin of found) {
      if (plugin === undefined) continue;
      const twin = loaded.find((other) => other.manifest.id === plugin.manifest.id);
      if (this.#options.disabled.includes(plugin.manifest.id)) this.#outcomes.push({ id: plugin.manifest.id, directory: plugin.directory, outcome: 'skipped', reason: 'disabledPlugins of the configuration names it' });
      else if (twin) this.#fail(plugin.directory, plugin.manifest.id, new WasmletError('PLUGIN_MANIFEST_INVALID', `the id ${plugin.manifest.id} is taken by ${twin.directory}`));
      else loaded.push(plugin);
    }
    const { ordered, blocked } = orderByRequirements(loaded);
    for (const { plugin, reason } of blocked) this.#fail(plugin.directory, plugin.manifest.id, new WasmletError('PLUGIN_REQUIREMENT_MISSING', reason));
    for (const plugin of ordered) await this.#activate(plugin);
  }

  /** In reverse; a plugin that cannot stop is logged and does not hold the others. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const plugin of this.#active.splice(0).reverse()) {
      try {
        await plugin.deactivate?.();
      } catch (error) {
        this.#options.logger.error({ error }, 'plugin failed to stop');
      }
    }
  }

  get outcomes(): readonly PluginOutcome[] {
    return this.#outcomes;
  }

  /** By the configured order; runtimes that the order does not name come after, by name. */
  get runtimes(): RuntimeRegistry {
    const rank = (name: string) => {
      const at = this.#options.runtimes.order.indexOf(name);
      return at < 0 ? Infinity : at;
    };
    const list = [...this.#runtimes.values()].sort((a, b) => rank(a.manifest.name) - rank(b.manifest.name) || a.manifest.name.localeCompare(b.manifest.name));
    return { get: (name) => this.#runtimes.get(name), list: () => list };
  }

  volume(type: string): { readonly plugin: VolumePlugin; readonly payload: 'files' | 'none' } | undefined {
    return this.#volumes.get(type);
  }

  get imageSources(): readonly ImageSource[] {
    return [...this.#imageSources.values()];
  }

  async #read(directory: string): Promise<Loaded | undefined> {
    const file = path.join(directory, 'plugin.json');
    let id = path.basename(directory);
    try {
      let manifest: PluginManifest;
      try {
        manifest = JSON.parse(await readFile(file, 'utf8')) as PluginManifest;
      } catch (error) {
        throw new WasmletError('PLUGIN_MANIFEST_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
      }
      await validate(manifestSchema, manifest, { what: file, code: 'PLUGIN_MANIFEST_INVALID' });
      id = manifest.id;
      const { default: semver } = await import('semver');
      if (semver.validRange(manifest.wasmlet) === null) throw new WasmletError('PLUGIN_MANIFEST_INVALID', `${file}: wasmlet: ${JSON.stringify(manifest.wasmlet)} is not a semver range`);
      if (!semver.satisfies(this.#options.version, manifest.wasmlet, { includePrerelease: true })) {
        throw new WasmletError('PLUGIN_INCOMPATIBLE', `${id} works with wasmlet ${manifest.wasmlet}; this is ${this.#options.version}`);
      }
      const needsMain = manifest.contributes.volumes?.length || manifest.contributes.imageSources?.length;
      if (needsMain && manifest.main === undefined) throw new WasmletError('PLUGIN_MANIFEST_INVALID', `${file}: main: missing; volumes and image sources are code`);
      return { directory, manifest };
    } catch (error) {
      this.#fail(directory, id, error);
      return undefined;
    }
  }

  async #activate({ directory, manifest }: Loaded): Promise<void> {
    const { id } = manifest;
    const missing = manifest.requires?.find((required) => this.#outcomes.find((outcome) => outcome.id === required)?.outcome !== 'active');
    try {
      if (missing !== undefined) throw new WasmletError('PLUGIN_REQUIREMENT_MISSING', `${id} requires ${missing}, which is not active`);
      const config = structuredClone(this.#options.configuration[id] ?? {}) as Record<string, unknown>;
      await validate(manifest.configSchema ?? noConfiguration, config, { what: `plugins.${id}`, code: 'PLUGIN_CONFIG_INVALID' });
      const taken = manifest.contributes.runtimes?.find((runtime) => this.#runtimes.has(runtime.name));
      if (taken) throw new WasmletError('PLUGIN_CONTRIBUTION_MISMATCH', `the runtime ${taken.name} is already contributed by ${this.#runtimes.get(taken.name)!.pluginId}`);
      const registered = manifest.main === undefined ? undefined : await this.#run(directory, manifest, config);
      this.#contribute(directory, manifest, config, registered);
      this.#outcomes.push({ id, directory, outcome: 'active' });
    } catch (error) {
      this.#fail(directory, id, error);
      for (const runtime of manifest.contributes.runtimes ?? []) {
        if (this.#runtimes.has(runtime.name)) continue;
        this.#runtimes.set(runtime.name, this.#runtime(directory, manifest, runtime.name, { state: 'inactive', reason: messageOf(error) }));
      }
    }
  }

  async #run(directory: string, manifest: PluginManifest, config: Record<string, unknown>): Promise<{ volumes: VolumePlugin[]; imageSources: ImageSource[] }> {
    const volumes: VolumePlugin[] = [];
    const imageSources: ImageSource[] = [];
    const context: PluginContext = {
      config,
      logger: this.#options.logger.child({ plugin: manifest.id }),
      dataDirectory: path.join(this.#options.dataDirectory, manifest.id),
      signal: this.#stop.signal,
      registerVolume: (volume) => volumes.push(volume),
      registerImageSource: (source) => imageSources.push(source),
    };
    const module = (await import(pathToFileURL(path.join(directory, manifest.main!)).href)) as { plugin?: Plugin };
    if (typeof module.plugin?.activate !== 'function') throw new WasmletError('PLUGIN_ACTIVATION_FAILED', `${manifest.main} exports no \`plugin\` with an activate function`);
    await module.plugin.activate(context);
    this.#active.push(module.plugin);
    same(manifest.id, 'volume', (manifest.contributes.volumes ?? []).map((volume) => volume.type), volumes.map((volume) => volume.type));
    same(manifest.id, 'image source', (manifest.contributes.imageSources ?? []).map((source) => source.name), imageSources.map((source) => source.name));
    return { volumes, imageSources };
  }

  #contribute(directory: string, manifest: PluginManifest, configuration: Readonly<Record<string, unknown>>, registered: { volumes: VolumePlugin[]; imageSources: ImageSource[] } | undefined): void {
    for (const { name } of manifest.contributes.runtimes ?? []) {
      const { allowed } = this.#options.runtimes;
      this.#runtimes.set(name, this.#runtime(directory, manifest, name, { state: 'active', configuration }, allowed.includes('*') || allowed.includes(name)));
    }
    for (const plugin of registered?.volumes ?? []) {
      const payload = manifest.contributes.volumes!.find((volume) => volume.type === plugin.type)!.payload;
      this.#volumes.set(plugin.type, { plugin, payload });
    }
    for (const source of registered?.imageSources ?? []) this.#imageSources.set(source.name, source);
  }

  #runtime(directory: string, manifest: PluginManifest, name: string, state: Pick<RegisteredRuntime, 'state' | 'reason' | 'configuration'>, allowed = true): RegisteredRuntime {
    const runtime = manifest.contributes.runtimes!.find((candidate) => candidate.name === name)!;
    return {
      manifest: runtime,
      pluginId: manifest.id,
      threadUrl: pathToFileURL(path.join(directory, runtime.thread)).href,
      version: this.#options.version,
      allowed,
      ...state,
    };
  }

  #fail(directory: string, id: string, error: unknown): void {
    const code = error instanceof WasmletError ? error.code : 'PLUGIN_ACTIVATION_FAILED';
    this.#outcomes.push({ id, directory, outcome: 'failed', code, reason: messageOf(error) });
    this.#options.logger.error({ plugin: id, code, reason: messageOf(error) }, 'plugin failed');
  }
}

/** What is registered must be what the manifest declares, and the reverse. */
function same(id: string, what: string, declared: readonly string[], registered: readonly string[]): void {
  const undeclared = registered.filter((name) => !declared.includes(name));
  const absent = declared.filter((name) => !registered.includes(name));
  if (undeclared.length) throw new WasmletError('PLUGIN_CONTRIBUTION_MISMATCH', `${id} registered the ${what} ${undeclared.join(', ')}, which its manifest does not declare`);
  if (absent.length) throw new WasmletError('PLUGIN_CONTRIBUTION_MISMATCH', `${id} declares the ${what} ${absent.join(', ')} and did not register it`);
}

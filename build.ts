/**
 * `npm run build`: the one release form, dist/. Main, published modules and every plugin in one esbuild run with shared chunks,
 * so that each class exists once; and one file that holds all of the commonest thread, which loads nothing of the others.
 * It is what `npm pack` ships and what the benchmarks measure.
 */
import { build } from 'esbuild';
import type { BuildOptions, Plugin as EsbuildPlugin } from 'esbuild';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { PluginManifest } from './core/api/plugin.ts';

const root = import.meta.dirname;
const dist = path.join(root, 'dist');

interface BuiltPlugin {
  readonly id: string;
  readonly source: string;
  readonly manifest: PluginManifest;
}

const plugins: BuiltPlugin[] = ['runtimes', 'plugins'].flatMap((room) =>
  readdirSync(path.join(root, room), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => {
      const source = path.join(root, room, entry.name);
      const manifest = JSON.parse(readFileSync(path.join(source, 'plugin.json'), 'utf8')) as PluginManifest;
      return { id: manifest.id, source, manifest };
    }),
);

const entryPoints: Record<string, string> = {
  wasmlet: 'core/cli/main.ts',
  api: 'core/api/index.ts',
  guest: 'core/guest/index.ts',
  'ticker-thread': 'core/engine/threads/ticker-thread.js',
  serve: 'core/guest/serve.ts',
  prepare: 'core/engine/prepare/prepare-process.ts',
};
for (const plugin of plugins) {
  for (const file of codeOf(plugin.manifest)) entryPoints[`plugins/${plugin.id}/${built(file).replace(/\.js$/, '')}`] = path.join(plugin.source, file);
}

/** jco's transpiler computes; it needs neither the native minifier nor the I/O thread that its imports bring along. */
const withoutIo: EsbuildPlugin = {
  name: 'transpiler-without-io',
  setup(builder) {
    builder.onResolve({ filter: /^oxc-minify$/ }, ({ path: name }) => ({ path: name, namespace: 'absent' }));
    builder.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: "export function minify() { throw new Error('the release bundle has no minifier'); }" }));
    builder.onResolve({ filter: /^@bytecodealliance\/preview2-shim\// }, ({ path: name }) => ({
      path: path.join(root, 'node_modules/@bytecodealliance/preview2-shim/dist/browser', `${path.basename(name)}.js`),
    }));
  },
};

/**
 * An ES module that imports a built-in one has every export of it evaluated: `node:fs` then loads its promises, streams and
 * readline, `node:crypto` all of its ciphers. In a thread that is a megabyte for two functions. Asked for as an object, each
 * loads what is used of it. An object that inherits from it: esbuild gives each importer a copy of what the object itself has,
 * a getter for each name.
 */
const builtinsOnDemand: EsbuildPlugin = {
  name: 'builtins-on-demand',
  setup(builder) {
    // A copy for each file that asks: what several share would be a chunk of its own, to be found and read by every thread.
    builder.onResolve({ filter: /^node:(crypto|fs|module|os|path|url|v8|worker_threads)$/ }, ({ path: name, kind, importer }) =>
      kind === 'import-statement' ? { path: name, namespace: 'builtin', suffix: `?${path.relative(root, importer)}` } : undefined,
    );
    builder.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path: name }) => ({ contents: `module.exports = Object.create(process.getBuiltinModule('${name}'));`, loader: 'js' }));
  },
};

/** What CommonJS libraries in the bundle expect, defined in files that hold such: each thread pays for it in each of its files. */
const commonJsNames = /\b(?:require|__filename|__dirname)\b/;
const commonJsBanner = "const require=process.getBuiltinModule('node:module').createRequire(import.meta.url),{filename:__filename,dirname:__dirname}=import.meta;\n";

/**
 * The runtime whose threads have all of their code in the first file: piscina's worker, the thread's own part and the runtime's. Sixteen files to
 * be found, read and linked, and Node's loader for ES modules, were a third of what making such a thread took. Other threads import `serve.js`.
 */
const commonRuntime = 'runtime-wasi';
const threadEntry = 'thread-entry.cjs';

function threadEntrySource({ source, id, manifest }: BuiltPlugin): string {
  const thread = manifest.contributes.runtimes![0]!.thread;
  return `
    import './node_modules/piscina/dist/worker.js';
    import path from 'node:path';
    import { pathToFileURL } from 'node:url';
    import { run as runOther } from './core/engine/threads/thread-entry.js';
    import { serveDedicated } from './core/guest/thread.ts';
    import * as runtime from ${JSON.stringify(path.join(source, thread))};

    const own = pathToFileURL(path.join(import.meta.dirname, ${JSON.stringify(`plugins/${id}/${built(thread)}`)})).href;

    async function load(url) {
      if (url !== own) throw new Error(\`this thread is for \${own}, not for \${url}\`);
      return runtime;
    }

    export const run = (task) => (task.preload?.runtimeUrl === own ? serveDedicated(task, load) : runOther(task));
  `;
}

/** piscina starts its worker by its place; in the bundle that is a part of the threads' first file. */
const ownWorker: EsbuildPlugin = {
  name: 'piscina-with-own-worker',
  setup(builder) {
    builder.onLoad({ filter: /\/piscina\/dist\/index\.js$/ }, ({ path: file }) => {
      const parts = readFileSync(file, 'utf8').split("(__dirname, 'worker.js')");
      if (parts.length !== 2) throw new Error(`${file} does not name its worker as expected`);
      return { contents: parts.join(`(__dirname, '${threadEntry}')`) };
    });
  },
};

/** piscina's threads load it for timings that nobody asks for. */
const withoutTimings: EsbuildPlugin = {
  name: 'threads-without-timings',
  setup(builder) {
    builder.onResolve({ filter: /^node:perf_hooks$/ }, ({ importer }) => (importer.endsWith('/piscina/dist/worker.js') ? { path: 'performance', namespace: 'global' } : undefined));
    builder.onLoad({ filter: /.*/, namespace: 'global' }, () => ({ contents: 'export const performance = { now: () => globalThis.performance.now() };' }));
  },
};

rmSync(dist, { recursive: true, force: true });
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node26',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: false,
  legalComments: 'linked',
  // piscina asks for it where it finds it, to set priorities; the engine sets them itself.
  external: ['@napi-rs/nice'],
  logLevel: 'warning',
} satisfies BuildOptions;
const result = await build({
  ...common,
  entryPoints,
  outdir: dist,
  splitting: true,
  format: 'esm',
  chunkNames: 'chunk-[hash]',
  plugins: [withoutIo, builtinsOnDemand, ownWorker],
  // Their other form is CommonJS, whose names a dynamic import in a bundle does not see.
  alias: { yaml: path.join(root, 'node_modules/yaml/browser/index.js'), '@peculiar/x509': path.join(root, 'node_modules/@peculiar/x509/build/x509.es.js') },
  metafile: true,
  write: false,
});
await build({
  ...common,
  stdin: { contents: threadEntrySource(plugins.find(({ id }) => id === commonRuntime)!), resolveDir: root },
  outfile: path.join(dist, threadEntry),
  // CommonJS: Node prepares nothing for ES modules in a thread that has none.
  format: 'cjs',
  define: { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
  plugins: [withoutTimings],
});

for (const { path: file, text } of result.outputFiles) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, commonJsNames.test(text) ? commonJsBanner + text : text);
}
for (const plugin of plugins) {
  const directory = path.join(dist, 'plugins', plugin.id);
  mkdirSync(directory, { recursive: true });
  const { main, contributes } = plugin.manifest;
  const manifest: PluginManifest = {
    ...plugin.manifest,
    ...(main === undefined ? {} : { main: built(main) }),
    contributes: {
      ...contributes,
      ...(contributes.runtimes === undefined ? {} : { runtimes: contributes.runtimes.map((runtime) => ({ ...runtime, thread: built(runtime.thread) })) }),
    },
  };
  writeFileSync(path.join(directory, 'plugin.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}
copyWasmAssets();
writeFileSync(path.join(dist, 'package.json'), '{"type":"module"}\n');

const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
const main = result.metafile.outputs['dist/wasmlet.js'];
process.stdout.write(`dist: ${Object.keys(result.metafile.outputs).length} files, ${(bytes / 2 ** 20).toFixed(1)} MiB; entry ${((main?.bytes ?? 0) / 1024).toFixed(0)} KiB; ${plugins.length} plugins\n`);

function codeOf(manifest: PluginManifest): string[] {
  return [...new Set([...(manifest.main === undefined ? [] : [manifest.main]), ...(manifest.contributes.runtimes ?? []).map((runtime) => runtime.thread)])];
}

function built(file: string): string {
  return file.replace(/^\.\//, '').replace(/\.ts$/, '.js');
}

/** jco's transpiler reads its own Wasm from beside its code. */
function copyWasmAssets(): void {
  const vendor = path.join(root, 'node_modules/@bytecodealliance/jco-transpile/vendor');
  for (const file of readdirSync(vendor)) {
    if (file.endsWith('.wasm')) cpSync(path.join(vendor, file), path.join(dist, file));
  }
}

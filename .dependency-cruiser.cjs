// Import directions between the rooms (ARCHITECTURE.md). A rule changes only with the design.
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { pathNot: [from, ...allowed].join('|') },
});

const npm = '^node_modules/';
const node = '^(node:|fs|path|os|net|http|https|url|util|stream|crypto|module|worker_threads|child_process|dns|dgram|diagnostics_channel|events|tls|zlib|v8|vm|ffi|buffer|timers|readline|wasi|perf_hooks)';
const api = '^core/api/';
/** The files that hold an interface for other rooms. */
const interfaces = '^core/(kube/kube|kubelet/kubelet|volume/volume-manager)\\.ts$';

module.exports = {
  forbidden: [
    { name: 'no-cycles', comment: 'Two files that need each other are one thought, or one of them in the wrong room.', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'resolvable', comment: 'What cannot be resolved fails at run time only.', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^node:' } },
    only('api-imports-types-only', '^core/api/', ['^core/guest/host\\.ts$', '^node_modules/@kubernetes/client-node'], 'Plugins import core/api: it must stand alone.'),
    { name: 'api-client-node-type-only', comment: 'client-node costs 50 MB when it is loaded; core/api takes its types only.', severity: 'error', from: { path: '^core/api/' }, to: { path: npm, dependencyTypesNot: ['type-only'] } },
    only('pure-pod', '^core/pod/', [api], 'Decisions are pure: no clock, no log, no node:*, no library.'),
    only('pure-wasm', '^core/wasm/', [api], 'Reading and rewriting Wasm is pure: it runs in any thread and in tests without a machine.'),
    only('guest', '^core/guest/', [api, node], 'It runs inside guest threads: every import costs each thread.'),
    only('pipeline', '^core/pipeline/', [api, interfaces, '^node_modules/rxjs/'], 'The spine carries causes, it does no work.'),
    only('kubelet', '^core/kubelet/', [api, '^core/(pod|pipeline|telemetry)/', '^core/image/docker-config\\.ts$', interfaces, '^node_modules/(rxjs|yaml)/', node], 'Managers reach other rooms through interfaces.'),
    only('kube', '^core/kube/', [api, '^core/(pod|telemetry)/', npm, node], 'The API-server edge knows nothing of engine or pods at work.'),
    only('engine', '^core/engine/', [api, '^core/(guest|wasm|telemetry)/', '^node_modules/piscina/', node], 'The engine can move into a process of its own.'),
    only('image', '^core/image/', [api, '^core/(pod|wasm|telemetry)/', node], 'Images know digests and bytes, not pods at work.'),
    only('volume', '^core/volume/', [api, '^core/pod/', interfaces, node], 'Volumes are filled by plugins from plain data.'),
    only('server', '^core/server/', [api, '^core/(pod|telemetry)/', interfaces, '^node_modules/prom-client/', node], 'The port answers from interfaces.'),
    only('plugin-host', '^core/plugin-host/', [api, '^core/config/', '^node_modules/(semver|@types/semver)/', node], 'One door for plugins.'),
    only('config', '^core/config/', [api, '^node_modules/(yaml|ajv)/', node], 'Configuration is data.'),
    only('telemetry', '^core/telemetry/', [api, '^node_modules/(pino|prom-client)/', node], 'Logs, metrics and the clock know nobody.'),
    only('cli', '^(bin|core/cli)/', ['^core/(node-agent|composition)\\.ts$', '^core/(api|config|telemetry|pod|image|engine|kube|wasm|plugin-host|server)/', '^node_modules/(commander|yaml)/', node], 'The command line drives the house through its doors.'),
    only('runtimes', '^runtimes/', [api, '^core/guest/', npm, node], 'A third party can do all that ours do.'),
    { name: 'runtimes-not-each-other', comment: 'A runtime can be left out alone.', severity: 'error', from: { path: '^runtimes/([^/]+)/' }, to: { path: '^runtimes/', pathNot: '^runtimes/$1/' } },
    only('plugins', '^plugins/', [api, npm, node], 'A third party can do all that ours do.'),
    { name: 'plugins-not-each-other', comment: 'A plugin can be left out alone.', severity: 'error', from: { path: '^plugins/([^/]+)/' }, to: { path: '^plugins/', pathNot: '^plugins/$1/' } },
    { name: 'nothing-imports-tests', comment: 'Tests and benchmarks stand outside the product.', severity: 'error', from: { pathNot: '^(test|benchmarks)/' }, to: { path: '^(test|benchmarks)/' } },
    { name: 'piscina-in-threads', comment: 'One place that supplies threads.', severity: 'error', from: { pathNot: '^core/engine/threads/' }, to: { path: '^node_modules/piscina/' } },
    { name: 'tsyringe-in-composition', comment: 'One place that resolves; the rest gets its parts by constructor.', severity: 'error', from: { pathNot: '^core/composition\\.ts$' }, to: { path: '^node_modules/(tsyringe|reflect-metadata)/' } },
    { name: 'wasmer-in-its-runtime', comment: 'Engines live in their adapter.', severity: 'error', from: { pathNot: '^runtimes/wasmer/' }, to: { path: '^node_modules/@wasmer/' } },
    { name: 'jco-in-its-runtime', comment: 'Engines live in their adapter.', severity: 'error', from: { pathNot: '^runtimes/jco/' }, to: { path: '^node_modules/@bytecodealliance/' } },
    { name: 'client-node-in-kube', comment: 'Only the edge talks to the API server.', severity: 'error', from: { pathNot: '^core/(kube|api)/' }, to: { path: '^node_modules/@kubernetes/' } },
    { name: 'rxjs-on-the-spine-only', comment: 'Async/await and AbortSignal elsewhere.', severity: 'error', from: { path: '^core/(pod|api|wasm|image|volume|config|server|plugin-host|guest|engine|cli)/' }, to: { path: '^node_modules/rxjs/', dependencyTypesNot: ['type-only'] } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    preserveSymlinks: true,
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'], extensions: ['.ts', '.js', '.mjs', '.cjs', '.d.ts', '.json'] },
  },
};

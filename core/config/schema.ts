/** JSON Schema of the configuration file. Unknown fields are errors; the message carries the path. */
const duration = { type: 'string', pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$' };
const quantities = { type: 'object', additionalProperties: { type: ['string', 'number'] } };
const strings = { type: 'array', items: { type: 'string' } };
const port = { type: 'integer', minimum: 0, maximum: 65535 };
const object = (properties: object, required: readonly string[] = []) => ({ type: 'object', additionalProperties: false, properties, required });

export const configurationSchema = object(
  {
    apiVersion: { const: 'wasmlet.dev/v1alpha1' },
    kind: { const: 'NodeConfiguration' },
    nodeName: { type: 'string' },
    hostname: { type: 'string' },
    nodeIP: { type: 'string' },
    nodeLabels: { type: 'object', additionalProperties: { type: 'string' } },
    registerNode: { type: 'boolean' },
    registerWithTaints: {
      type: 'array',
      items: object({ key: { type: 'string' }, value: { type: 'string' }, effect: { enum: ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] } }, ['key', 'effect']),
    },
    providerID: { type: 'string' },
    maxPods: { type: 'integer', minimum: 1 },
    raiseMachineLimits: { type: 'boolean' },
    kubeReserved: quantities,
    systemReserved: quantities,
    address: { type: 'string' },
    port,
    healthzBindAddress: { type: 'string' },
    healthzPort: port,
    authentication: object({ x509: object({ clientCAFile: { type: 'string' } }) }),
    tlsCertFile: { type: 'string' },
    tlsPrivateKeyFile: { type: 'string' },
    serverTLSBootstrap: { type: 'boolean' },
    rotateCertificates: { type: 'boolean' },
    rootDir: { type: 'string' },
    podLogsDir: { type: 'string' },
    staticPodPath: { type: 'string' },
    nodeStatusUpdateFrequency: duration,
    nodeStatusReportFrequency: duration,
    nodeLeaseDurationSeconds: { type: 'integer', minimum: 4 },
    shutdownGracePeriod: duration,
    imagePullDeadline: duration,
    maxParallelImagePulls: { type: 'integer', minimum: 1 },
    containerLogMaxSize: { type: 'string' },
    containerLogMaxFiles: { type: 'integer', minimum: 2 },
    runtimes: object({ order: strings, allowed: strings }),
    runtimeHandlers: {
      type: 'object',
      additionalProperties: object({ runtime: { type: 'string' }, isolation: { enum: ['dedicated', 'shared'] } }),
    },
    registries: {
      type: 'array',
      items: object({ prefix: { type: 'string' }, mirror: { type: 'string' }, plainHTTP: { type: 'boolean' }, ca: { type: 'string' } }, ['prefix']),
    },
    pluginDirectories: strings,
    disabledPlugins: strings,
    plugins: { type: 'object', additionalProperties: { type: 'object' } },
    warmThreads: { type: 'integer', minimum: 0, maximum: 64 },
    reuseThreads: { type: 'boolean' },
    logLevel: { enum: ['debug', 'info', 'warn', 'error'] },
  },
  ['apiVersion', 'kind'],
);

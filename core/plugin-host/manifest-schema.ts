/** JSON Schema of plugin.json, published as docs/reference/plugin-manifest.schema.json. */
const name = { type: 'string', pattern: '^[a-z][a-z0-9]*(-[a-z0-9]+)*$', maxLength: 63 };
const relativePath = { type: 'string', pattern: '^(\\./)?[^/.][^\\\\]*$', not: { pattern: '(^|/)\\.\\.(/|$)' } };
const strings = { type: 'array', items: { type: 'string' } };

export const manifestSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'wasmlet plugin manifest',
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'id', 'wasmlet', 'contributes'],
  properties: {
    apiVersion: { const: 'wasmlet.dev/v1alpha1' },
    id: { ...name, description: 'Unique among the plugins of a node.' },
    wasmlet: { type: 'string', description: 'Semver range of wasmlet versions it works with.' },
    description: { type: 'string' },
    main: { ...relativePath, description: 'ES module that exports `plugin`.' },
    requires: { type: 'array', items: name, uniqueItems: true },
    contributes: {
      type: 'object',
      additionalProperties: false,
      properties: {
        runtimes: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['name', 'accepts', 'isolation', 'thread'],
            properties: {
              name,
              description: { type: 'string' },
              accepts: {
                type: 'array',
                minItems: 1,
                items: {
                  oneOf: [
                    {
                      type: 'object',
                      additionalProperties: false,
                      required: ['kind', 'imports'],
                      properties: { kind: { const: 'module' }, imports: strings, except: strings, importless: { type: 'boolean' } },
                    },
                    {
                      type: 'object',
                      additionalProperties: false,
                      required: ['kind', 'worlds'],
                      properties: { kind: { const: 'component' }, worlds: strings },
                    },
                  ],
                },
              },
              isolation: { type: 'array', minItems: 1, uniqueItems: true, items: { enum: ['dedicated', 'shared'] } },
              thread: relativePath,
              reusesThreads: { type: 'boolean', description: 'A guest that ended by itself leaves nothing behind in its thread: it may take another container of this runtime.' },
              features: {
                type: 'object',
                additionalProperties: false,
                properties: { volumes: { enum: ['live', 'copy', 'none'] }, listeners: strings, yieldChecks: { type: 'boolean' } },
              },
            },
          },
        },
        volumes: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['type', 'payload'],
            properties: { type: { type: 'string' }, payload: { enum: ['files', 'none'] } },
          },
        },
        imageSources: {
          type: 'array',
          items: { type: 'object', additionalProperties: false, required: ['name'], properties: { name } },
        },
      },
    },
    configSchema: { type: 'object' },
  },
};

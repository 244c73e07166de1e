import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { requestAttributes } from '../../../core/server/request-attributes.ts';

const asked = (method: string, path: string) => requestAttributes(method, path, 'n1').map(({ verb, subresource }) => `${verb} ${subresource}`);

describe('requestAttributes', () => {
  it('maps methods to verbs, and unknown ones to none', () => {
    for (const [method, verb] of [['GET', 'get'], ['POST', 'create'], ['PUT', 'update'], ['PATCH', 'patch'], ['DELETE', 'delete'], ['HEAD', ''], ['OPTIONS', ''], ['constructor', '']] as const) {
      assert.deepEqual(asked(method, '/exec/ns/p/c'), [`${verb} proxy`]);
    }
  });
  it('maps paths to subresources, with the older right after the finer', () => {
    const cases: Readonly<Record<string, readonly string[]>> = {
      '/metrics': ['metrics'], '/metrics/cadvisor': ['metrics'], '/stats/summary': ['stats'], '/logs/': ['log'], '/checkpoint/a/b/c': ['checkpoint'], '/statusz': ['statusz'], '/flagz': ['configz'],
      '/pods': ['pods', 'proxy'], '/runningpods/': ['pods', 'proxy'], '/healthz': ['healthz', 'proxy'], '/healthz/syncloop': ['healthz', 'proxy'], '/configz': ['configz', 'proxy'],
      '/containerLogs/ns/p/c': ['proxy'], '/metricsx': ['proxy'], '/podsx': ['proxy'], '/': ['proxy'], '/wasmlet/v1/plugins': ['proxy'],
    };
    for (const [path, expected] of Object.entries(cases)) assert.deepEqual(asked('GET', path), expected.map((name) => `get ${name}`), path);
  });
  it('always asks for something of this node', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (method, path) => {
      const attributes = requestAttributes(method, `/${path}`, 'n1');
      assert.ok(attributes.length > 0 && attributes.every(({ resource, name, subresource }) => resource === 'nodes' && name === 'n1' && subresource !== ''));
    }));
  });
});

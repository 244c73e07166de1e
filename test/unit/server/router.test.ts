import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { matchRoute, type Route } from '../../../core/server/router.ts';

const route = (pattern: string, ...methods: string[]): Route => ({ pattern, methods, handle() {} });
const routes = [route('/pods', 'GET'), route('/containerLogs/{namespace}/{pod}/{container}', 'GET'), route('/exec/{namespace}/{pod}/{rest...}', 'GET', 'POST')];
const match = (path: string, method = 'GET') => {
  const found = matchRoute(routes, method, path);
  return found.kind === 'found' ? [found.route.pattern, found.parameters] : found.kind;
};

describe('matchRoute', () => {
  it('finds the route and decodes its parameters', () => {
    assert.deepEqual(match('/pods'), ['/pods', {}]);
    assert.deepEqual(match('/pods/'), ['/pods', {}]);
    assert.deepEqual(match('/containerLogs/n/p%20q/c%2Fd'), ['/containerLogs/{namespace}/{pod}/{container}', { namespace: 'n', pod: 'p q', container: 'c/d' }]);
    assert.deepEqual(match('/exec/n/p/uid/c', 'POST'), ['/exec/{namespace}/{pod}/{rest...}', { namespace: 'n', pod: 'p', rest: 'uid/c' }]);
  });
  it('tells what is wrong', () => {
    assert.equal(match('/pods', 'DELETE'), 'method not allowed');
    assert.equal(match('/pods/x'), 'not found');
    assert.equal(match('/containerLogs/n/p'), 'not found');
    assert.equal(match('/PODS'), 'not found');
    assert.equal(match('/%e0%a4%a'), 'malformed');
  });
  it('answers any path', () => {
    fc.assert(fc.property(fc.webPath(), fc.constantFrom('GET', 'POST', 'X'), (path, method) => {
      assert.ok(['found', 'not found', 'method not allowed', 'malformed'].includes(matchRoute(routes, method, path).kind));
    }));
  });
});

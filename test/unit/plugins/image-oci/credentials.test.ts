import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseChallenges } from '../../../../plugins/image-oci/distribution/challenge.ts';
import { refuseRealm, refuseRedirect } from '../../../../plugins/image-oci/distribution/check-destination.ts';
import { selectCredentials } from '../../../../plugins/image-oci/distribution/select-credentials.ts';

describe('a challenge', () => {
  const table: readonly (readonly [string, unknown])[] = [
    ['Basic realm="r"', [['basic', { realm: 'r' }]]],
    ['Bearer realm="https://a/t",service="s, x",scope="repository:a/b:pull,push"', [['bearer', { realm: 'https://a/t', service: 's, x', scope: 'repository:a/b:pull,push' }]]],
    ['bearer Realm=https://a/t , error="invalid_token"', [['bearer', { realm: 'https://a/t', error: 'invalid_token' }]]],
    [String.raw`Bearer realm="a\"b\\c"`, [['bearer', { realm: String.raw`a"b\c` }]]],
    ['Negotiate, Basic realm="x", Bearer realm="y"', [['negotiate', {}], ['basic', { realm: 'x' }], ['bearer', { realm: 'y' }]]],
    ['Bearer realm="a",realm="b"', [['bearer', { realm: 'a' }]]],
    ['', []],
    ['"', []],
  ];
  for (const [header, expected] of table) {
    it(`is read out of ${JSON.stringify(header)}`, () => assert.deepEqual(parseChallenges(header).map(({ scheme, parameters }) => [scheme, { ...parameters }]), expected));
  }
  it('any header is read to its end', () => fc.assert(fc.property(fc.oneof(fc.string(), fc.stringMatching(/^([A-Za-z]+ ?([a-z]+="?[a-z\\" ,]*"?,? ?)*){0,3}$/)), (header) => void parseChallenges(header))));
});

describe('a token realm', () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ['https://registry-1.docker.io', 'https://auth.docker.io/token', true],
    ['https://ghcr.io', 'https://ghcr.io/token', true],
    ['https://ghcr.io', 'http://ghcr.io/token', false],
    ['https://ghcr.io', 'http://auth.ghcr.io/token', false],
    ['https://ghcr.io', 'https://127.0.0.1/token', false],
    ['https://ghcr.io', 'https://localhost:8443/token', false],
    ['https://ghcr.io', 'https://[::1]/token', false],
    ['https://ghcr.io', 'https://user:pw@ghcr.io/token', false],
    ['https://ghcr.io', 'ftp://ghcr.io/token', false],
    ['http://registry.lan', 'http://registry.lan/token', true],
    ['http://registry.lan', 'http://registry.lan:5001/token', true],
    ['http://registry.lan', 'https://registry.lan/token', true],
    ['http://registry.lan', 'http://evil.lan/token', false],
    ['http://registry.lan', 'https://evil.example/token', false],
    ['http://127.0.0.1:5000', 'http://127.0.0.1:5001/token', true],
    ['http://localhost:5000', 'http://127.0.0.1:5001/token', true],
    ['http://127.0.0.1:5000', 'https://auth.example/token', true],
    ['http://127.0.0.1:5000', 'http://auth.example/token', false],
    ['http://127.0.0.1:5000', 'http://169.254.169.254/token', false],
  ];
  for (const [registry, realm, allowed] of table) it(`${realm} is ${allowed ? '' : 'not '}asked for ${registry}`, () => assert.equal(refuseRealm(new URL(registry), new URL(realm)) === undefined, allowed));
});

describe('a redirect', () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ['https://ghcr.io/v2/x', 'https://cdn.example/x', true],
    ['https://ghcr.io/v2/x', 'http://cdn.example/x', false],
    ['http://127.0.0.1:5000/x', 'http://127.0.0.1:5001/x', true],
    ['https://ghcr.io/x', 'https://127.0.0.1/x', false],
    ['https://ghcr.io/x', 'https://u:p@cdn.example/x', false],
    ['https://ghcr.io/x', 'file:///etc/passwd', false],
  ];
  for (const [from, to, allowed] of table) it(`from ${from} to ${to} is ${allowed ? '' : 'not '}followed`, () => assert.equal(refuseRedirect(new URL(from), new URL(to)) === undefined, allowed));
});

describe('credentials', () => {
  const table: readonly (readonly [string, string, string, boolean])[] = [
    ['ghcr.io', 'ghcr.io', 'a/b', true],
    ['GHCR.io', 'ghcr.io', 'a/b', true],
    ['ghcr.io', 'evil-ghcr.io', 'a/b', false],
    ['ghcr.io', 'ghcr.io:5000', 'a/b', false],
    ['ghcr.io:5000', 'ghcr.io:5000', 'a/b', true],
    ['https://ghcr.io/', 'ghcr.io', 'a/b', true],
    ['https://index.docker.io/v1/', 'docker.io', 'library/hello', true],
    ['index.docker.io', 'docker.io', 'library/hello', true],
    ['https://registry.lan/v2', 'registry.lan', 'x', true],
    ['registry.lan/team/v2', 'registry.lan', 'team/x', false],
    ['ghcr.io/team', 'ghcr.io', 'team/app', true],
    ['ghcr.io/team', 'ghcr.io', 'team', true],
    ['ghcr.io/team', 'ghcr.io', 'teammate/app', false],
    ['*.azurecr.io', 'me.azurecr.io', 'x', true],
    ['*.azurecr.io', 'azurecr.io', 'x', false],
    ['*.azurecr.io', 'a.b.azurecr.io', 'x', false],
    ['prefix*.io', 'prefix1.io', 'x', true],
    ['*', 'ghcr.io', 'x', false],
    ['*.*', 'ghcr.io', 'x', true],
    ['*.*', 'ghcr.io:5000', 'x', false],
    ['*.*:5000', 'ghcr.io:5000', 'x', true],
    ['a*b*c.io', 'aXbYc.io', 'x', true],
    ['a*b*bc.io', 'abc.io', 'x', false],
  ];
  for (const [key, host, repository, selected] of table) {
    it(`of ${key} are ${selected ? '' : 'not '}for ${host}/${repository}`, () => assert.equal(selectCredentials([{ registry: key, username: 'u', password: 'p' }], host, repository).length, selected ? 1 : 0));
  }
  it('of the longest key come first, and empty ones not at all', () => {
    const found = selectCredentials([{ registry: 'ghcr.io', username: 'a' }, { registry: 'ghcr.io/team', username: 'b' }, { registry: 'ghcr.io/team/app' }], 'ghcr.io', 'team/app');
    assert.deepEqual(found.map(({ username }) => username), ['b', 'a']);
  });
  it('match as a glob does, in no more time than their length', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 12 });
    fc.assert(fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 12 }), (pattern, label) => {
      const expected = new RegExp(`^${pattern.replaceAll(/\*+/g, '.*')}$`).test(label);
      assert.equal(selectCredentials([{ registry: `${pattern}.io`, username: 'u' }], `${label}.io`, 'x').length === 1, expected);
    }));
    assert.equal(selectCredentials([{ registry: `${'a*'.repeat(100_000)}b.io`, username: 'u' }], `${'a'.repeat(200)}.io`, 'x').length, 0);
  });
});

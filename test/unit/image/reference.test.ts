import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { WasmletError } from '../../../core/api/errors.ts';
import { formatReference, parseReference } from '../../../core/image/reference.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('an image reference', () => {
  const table: readonly (readonly [string, string])[] = [
    ['hello', 'docker.io/library/hello:latest'],
    ['team/hello', 'docker.io/team/hello:latest'],
    ['docker.io/hello', 'docker.io/library/hello:latest'],
    ['index.docker.io/hello:1', 'docker.io/library/hello:1'],
    ['localhost/hello', 'localhost/hello:latest'],
    ['localhost:5000/a/b/c:v1.2_3-x', 'localhost:5000/a/b/c:v1.2_3-x'],
    ['ghcr.io/x/y_z__w--v.u', 'ghcr.io/x/y_z__w--v.u:latest'],
    ['GHCR.io/x/y', 'ghcr.io/x/y:latest'],
    ['[::1]:5000/hello', '[::1]:5000/hello:latest'],
    [`ghcr.io/x/y@${digest}`, `ghcr.io/x/y@${digest}`],
    [`ghcr.io/x/y:v1@${digest}`, `ghcr.io/x/y:v1@${digest}`],
    ['hello:5000', 'docker.io/library/hello:5000'],
    ['127.0.0.1:5000/hello', '127.0.0.1:5000/hello:latest'],
  ];
  for (const [text, normalised] of table) it(`${text} is ${normalised}`, () => assert.equal(formatReference(parseReference(text)), normalised));

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /empty/],
    ['ghcr.io/Upper', /lower case/],
    ['Upper/hello', /lower case/],
    ['a//b', /empty part/],
    ['ghcr.io/', /repository is missing/],
    ['/hello', /empty part/],
    ['hello:', /tag ""/],
    ['hello:-x', /the tag "-x"/],
    [`hello:${'x'.repeat(129)}`, /the tag/],
    ['hello@sha256:abc', /64 lower-case/],
    [`hello@sha512:${'a'.repeat(128)}`, /the digest/],
    ['hello@', /the digest ""/],
    ['he llo', /blank/],
    ['hello\n', /blank/],
    ['https://ghcr.io/x/y', /no scheme/],
    ['oci-layout://x', /no scheme/],
    ['a'.repeat(64), /image id/],
    ['ghcr.io/-x', /not letters and digits/],
    ['ghcr.io/x..y', /not letters and digits/],
    ['ghcr.io/../etc', /not letters and digits/],
    ['ghcr.io:0/x', /port/],
    ['ghcr.io:99999/x', /port/],
    ['ghcr.io:x/x', /port/],
    ['-bad.io/x', /not a host name/],
    ['1.2.3.999/x', /not an address/],
    [`ghcr.io/${'a'.repeat(256)}`, /longer than 255/],
  ];
  for (const [text, cause] of wrong) {
    it(`${JSON.stringify(text.slice(0, 40))} is refused with its cause`, () => {
      assert.throws(() => parseReference(text), (error) => error instanceof WasmletError && error.code === 'IMAGE_NAME_INVALID' && cause.test(error.message));
    });
  }

  it('any text is a reference with one spelling, or IMAGE_NAME_INVALID', () => {
    const likely = fc.stringMatching(/^([a-zA-Z0-9.:[\]-]{0,12}\/)?[a-zA-Z0-9._/-]{0,20}(:[a-zA-Z0-9._-]{0,8})?(@sha256:[0-9a-f]{64})?$/);
    fc.assert(fc.property(fc.oneof(fc.string(), likely), (text) => {
      try {
        const reference = parseReference(text);
        assert.deepEqual(parseReference(formatReference(reference)), reference);
        assert.ok(URL.canParse(`https://${reference.registry}/v2/${reference.repository}/`));
      } catch (error) {
        assert.ok(error instanceof WasmletError && error.code === 'IMAGE_NAME_INVALID', String(error));
      }
    }), { numRuns: 2000 });
  });
});

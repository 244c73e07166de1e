import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { isAbort, WasmletError } from '../../../core/api/errors.ts';
import type { ErrorCode } from '../../../core/api/errors.ts';
import type { Fault, RegistryFake } from '../../support/registry-fake/registry-fake.ts';
import { emptyModule, faults, startRegistryFake } from '../../support/registry-fake/registry-fake.ts';
import type { ImageBed } from './image-bed.ts';
import { createImageBed } from './image-bed.ts';

const image = {
  config: { mediaType: 'application/vnd.wasm.config.v0+json', bytes: Buffer.from('{"architecture":"wasm","os":"wasip1"}') },
  layers: [{ mediaType: 'application/wasm', bytes: emptyModule }],
};

/** What each fault is told as. Those that are no failure have null. */
const outcomes: Readonly<Record<Fault, readonly [ErrorCode, RegExp] | null>> = {
  'unauthorized': ['IMAGE_UNAUTHORIZED', /it wants credentials.*imagePullSecrets.*UNAUTHORIZED: authentication required/],
  'forbidden': ['IMAGE_FORBIDDEN', /403 Forbidden: DENIED: not yours/],
  'missing': ['IMAGE_NOT_FOUND', /404 Not Found: NAME_UNKNOWN: no such repository/],
  'broken': ['REGISTRY_UNAVAILABLE', /500 Internal Server Error: an HTML page/],
  'overloaded': ['REGISTRY_UNAVAILABLE', /429 Too Many Requests: TOOMANYREQUESTS: slow down/],
  'hang': ['REGISTRY_TIMEOUT', /sent nothing for 0\.3 s/],
  'hang-in-body': ['REGISTRY_TIMEOUT', /sent nothing for 0\.3 s/],
  'drop': ['REGISTRY_UNAVAILABLE', /connection was closed/],
  'drop-in-body': ['REGISTRY_UNAVAILABLE', /connection was closed/],
  'html': ['IMAGE_MANIFEST_INVALID', /HTML/],
  'not-json': ['IMAGE_MANIFEST_INVALID', /not JSON/],
  'huge-manifest': ['IMAGE_MANIFEST_INVALID', /longer than 4194304 bytes/],
  'manifest-digest': ['IMAGE_DIGEST_MISMATCH', /should be sha256:0{64}/],
  'blob-content': ['IMAGE_DIGEST_MISMATCH', /has the content of sha256:/],
  'blob-short': ['IMAGE_SIZE_MISMATCH', /ended after 36 bytes/],
  'blob-endless': ['IMAGE_SIZE_MISMATCH', /longer than the 37 bytes/],
  'redirect-elsewhere': null,
  'redirect-loop': ['REGISTRY_REFUSED', /redirects more than 5 times/],
  'redirect-to-file': ['REGISTRY_REFUSED', /redirects to the scheme file:/],
  'token-elsewhere': ['IMAGE_UNAUTHORIZED', /from another host without TLS, http:\/\/tokens\.example\.invalid/],
  'token-broken': ['REGISTRY_REFUSED', /holds no token/],
  'token-opaque': null,
  'basic-elsewhere': ['IMAGE_UNAUTHORIZED', /401/],
};
const withCredentials: readonly Fault[] = ['redirect-elsewhere', 'basic-elsewhere', 'token-elsewhere', 'token-broken', 'token-opaque'];

describe('a registry that lies', () => {
  let registry: RegistryFake;
  let bed: ImageBed;
  before(async () => {
    registry = await startRegistryFake();
    for (const fault of faults) registry.addImage(fault, image);
  });
  after(() => registry.stop());
  beforeEach(async () => {
    bed = await createImageBed({ stallMilliseconds: 300 });
  });
  afterEach(() => bed.stop());

  for (const fault of faults) {
    const outcome = outcomes[fault];
    it(outcome === null ? `(${fault}) is served` : `(${fault}) is told as ${outcome[0]}`, async () => {
      const credentials = withCredentials.includes(fault) ? [{ registry: registry.address, username: 'user', password: 'secret' }] : [];
      const pull = bed.pull(`${registry.address}/${fault}:1`, credentials);
      if (outcome === null) {
        assert.equal((await pull).artifact.sizeBytes, emptyModule.length);
      } else {
        await assert.rejects(pull, (error) => {
          assert.ok(error instanceof WasmletError, String(error));
          assert.equal(error.code, outcome[0], error.message);
          assert.ok(error.message.startsWith(`registry ${registry.address}, repository ${fault}: `), error.message);
          assert.match(error.message, outcome[1]);
          assert.doesNotMatch(error.message, /secret/);
          return true;
        });
        assert.equal(await bed.store.find(`${registry.address}/${fault}:1`), undefined);
      }
      assert.deepEqual(await bed.partialFiles(), []);
    });
  }

  it('never sees credentials on another host', () => {
    assert.ok(registry.elsewhere.length > 0);
    assert.deepEqual(registry.elsewhere.filter(({ authorization }) => authorization !== undefined), []);
  });

  it('gets an opaque token as it is', () => {
    assert.ok(registry.requests.some(({ path, authorization }) => path.includes('/token-opaque/') && authorization === 'Bearer opaque.~!token=='));
  });

  it('that stalls is given up at the deadline of the pull, too', async () => {
    const impatient = await createImageBed({ stallMilliseconds: 60_000, pullDeadline: 200 });
    try {
      await assert.rejects(impatient.pull(`${registry.address}/hang-in-body:1`), { code: 'REGISTRY_TIMEOUT', message: /had not ended after 0\.2 s/ });
      assert.deepEqual(await impatient.partialFiles(), []);
    } finally {
      await impatient.stop();
    }
  });

  it('that hangs is left at once when the pull is cancelled', async () => {
    const cancelled = new AbortController();
    const pull = bed.pull(`${registry.address}/hang:1`, [], cancelled.signal);
    setImmediate(() => cancelled.abort());
    await assert.rejects(pull, isAbort);
  });

  it('that nobody listens as is told so', async () => {
    // Below the ports that the kernel hands out: one that was just let go could be somebody else's by now.
    await assert.rejects(bed.pull('127.0.0.1:1/x:1'), { code: 'REGISTRY_UNAVAILABLE', message: 'registry 127.0.0.1:1, repository x: connection refused' });
  });

  it('that speaks http where https is wanted is told so', async () => {
    const strict = await createImageBed({ registries: [{ prefix: registry.address, plainHTTP: false }] });
    try {
      await assert.rejects(strict.pull(`${registry.address}/x:1`), { code: 'REGISTRY_UNAVAILABLE', message: /does not speak TLS.*plainHTTP/ });
    } finally {
      await strict.stop();
    }
  });
});

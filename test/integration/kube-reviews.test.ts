import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ApiClient } from '../../core/kube/api/api-client.ts';
import type { ResourceAttributes } from '../../core/kube/kube.ts';
import { ApiReviewClient } from '../../core/kube/reviews.ts';
import { silentLogger } from '../../core/telemetry/logger.ts';
import { startApiFake } from '../support/api-fake/api-fake.ts';
import type { ApiFake } from '../support/api-fake/api-fake.ts';
import { connect } from '../support/kube-connection.ts';
import { VirtualClock } from '../support/kubelet/virtual-clock.ts';

const user = { name: 'alice', groups: ['devs'] };
const attributes: ResourceAttributes = { verb: 'get', resource: 'nodes', subresource: 'proxy', name: 'n' };

describe('reviews against the API fake', () => {
  let fake: ApiFake;
  let api: ApiClient;
  let clock: VirtualClock;
  let reviews: ApiReviewClient;

  beforeEach(async () => {
    fake = await startApiFake();
    api = await connect(fake.kubeconfigPath);
    clock = new VirtualClock();
    reviews = new ApiReviewClient({ api, clock, logger: silentLogger });
    fake.answers.tokenReview = (token) => (token === 'good' ? { authenticated: true, user: { username: 'alice', groups: ['devs'] } } : { authenticated: false });
    fake.answers.subjectAccessReview = (spec) => ({ allowed: spec['user'] === 'alice' && spec['resourceAttributes'].subresource === 'proxy' });
  });

  afterEach(async () => {
    api.close();
    await fake.stop();
  });

  const pass = (milliseconds: number) => clock.advance(milliseconds, async () => {});

  it('knows whose a token is, for two minutes without asking again', async () => {
    assert.deepEqual(await reviews.authenticate('good'), user);
    assert.deepEqual(await reviews.authenticate('good'), user);
    assert.equal(await reviews.authenticate('bad'), undefined);
    assert.equal(fake.requests.length, 2);
    await pass(120_001);
    assert.deepEqual(await reviews.authenticate('good'), user);
    assert.equal(fake.requests.length, 3);
  });

  it('remembers a yes for five minutes, a no for thirty seconds', async () => {
    assert.equal((await reviews.authorize(user, attributes)).allowed, true);
    assert.equal((await reviews.authorize(user, { ...attributes, subresource: 'stats' })).allowed, false);
    await pass(30_001);
    await reviews.authorize(user, attributes);
    assert.equal(fake.requests.length, 2);
    await reviews.authorize(user, { ...attributes, subresource: 'stats' });
    assert.equal(fake.requests.length, 3);
    await pass(270_000);
    await reviews.authorize(user, attributes);
    assert.equal(fake.requests.length, 4);
  });

  it('denies whom it cannot ask about, but stands by what it remembers', async () => {
    await reviews.authenticate('good');
    await reviews.authorize(user, attributes);
    const back = fake.outage();
    assert.deepEqual(await reviews.authenticate('good'), user);
    assert.equal((await reviews.authorize(user, attributes)).allowed, true);
    assert.equal(await reviews.authenticate('other'), undefined);
    assert.equal((await reviews.authorize({ name: 'bob', groups: [] }, attributes)).allowed, false);
    back();
  });
});

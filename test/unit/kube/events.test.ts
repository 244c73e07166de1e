import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventCorrelator } from '../../../core/kube/events/event-correlator.ts';
import { InMemoryEventRecorder } from '../../../core/kube/standalone.ts';
import { VirtualClock } from '../../support/kubelet/virtual-clock.ts';

const pod = { apiVersion: 'v1', kind: 'Pod', namespace: 'n', name: 'p', uid: 'u' };
const event = (message: string, reason = 'R') => ({ object: pod, type: 'Normal', reason, message }) as const;

describe('EventCorrelator', () => {
  it('counts equal events', () => {
    const correlator = new EventCorrelator();
    const first = correlator.correlate(event('m'), 0);
    const second = correlator.correlate(event('m'), 5_000);
    assert.deepEqual([first.outcome === 'send' && first.count, second.outcome === 'send' && [second.count, second.firstTime]], [1, [2, 0]]);
    assert.equal(second.outcome === 'send' && first.outcome === 'send' && second.key === first.key, true);
  });

  it('combines events that differ in their message only, after ten', () => {
    const correlator = new EventCorrelator();
    const messages = Array.from({ length: 12 }, (_, index) => correlator.correlate(event(`m${index}`), index)).map((sent) => (sent.outcome === 'send' ? `${sent.count} ${sent.message}` : 'dropped'));
    assert.equal(messages[8], '1 m8');
    assert.deepEqual(messages.slice(9), ['1 (combined from similar events): m9', '2 (combined from similar events): m10', '3 (combined from similar events): m11']);
    const later = correlator.correlate(event('m99'), 700_000);
    assert.equal(later.outcome === 'send' && later.message, 'm99');
  });

  it('silences an object that makes more than 25, and lets one through every five minutes', () => {
    const correlator = new EventCorrelator();
    const outcomes = Array.from({ length: 30 }, () => correlator.correlate(event('m'), 0).outcome);
    assert.equal(outcomes.filter((outcome) => outcome === 'send').length, 25);
    assert.equal(correlator.correlate({ ...event('m'), object: { ...pod, uid: 'other' } }, 0).outcome, 'send');
    assert.equal(correlator.correlate(event('m'), 299_000).outcome, 'dropped');
    assert.equal(correlator.correlate(event('m'), 600_000).outcome, 'send');
  });
});

describe('InMemoryEventRecorder', () => {
  it('remembers the newest last, counted', () => {
    const recorder = new InMemoryEventRecorder({ nodeName: 'n', clock: new VirtualClock() });
    recorder.event(pod, 'Normal', 'Pulled', 'a');
    recorder.event(pod, 'Normal', 'Started', 'b');
    recorder.event(pod, 'Normal', 'Pulled', 'a');
    assert.deepEqual(recorder.recent('u').map(({ reason, count }) => `${reason} ${count}`), ['Started 1', 'Pulled 2']);
    assert.deepEqual(recorder.recent('none'), []);
    assert.equal(recorder.recent('u')[0]?.firstTimestamp, '2026-01-01T00:00:00Z');
  });
});

import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { sendText } from '../../../core/server/logs/send-text.ts';

/** Takes one piece each time the test allows it. */
class SlowClient extends Writable {
  readonly taken: string[] = [];
  #next = () => {};

  constructor() {
    super({ highWaterMark: 8 });
  }

  override _write(piece: Buffer, _encoding: string, next: () => void): void {
    this.taken.push(piece.toString());
    this.#next = next;
  }

  take(): void {
    this.#next();
  }
}

function endless(): { readonly text: AsyncIterable<Buffer>; given: number; closed: boolean } {
  const source = { given: 0, closed: false, text: undefined as unknown as AsyncIterable<Buffer> };
  source.text = (async function* () {
    try {
      for (;;) {
        source.given++;
        yield Buffer.from('12345678');
      }
    } finally {
      source.closed = true;
    }
  })();
  return source;
}

describe('sendText', () => {
  it('asks for no more than a slow client takes', async () => {
    const source = endless();
    const client = new SlowClient();
    const gone = new AbortController();
    const sent = sendText(source.text, client, gone.signal);
    await setImmediate();
    assert.equal(source.given, 1);
    client.take();
    await setImmediate();
    assert.equal(source.given, 2);
    assert.deepEqual(client.taken, ['12345678', '12345678']);
    gone.abort();
    await sent;
    assert.equal(source.closed, true);
  });

  it('ends the response after the last piece, and passes on what fails', async () => {
    const client = new SlowClient();
    await sendText((async function* () {})(), client, new AbortController().signal);
    assert.equal(client.writableEnded, true);
    const failing = (async function* () {
      yield Buffer.from('x');
      throw new Error('disk gone');
    })();
    await assert.rejects(sendText(failing, new SlowClient(), new AbortController().signal), /disk gone/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ContainerInput, refusedInput } from '../../../../core/engine/streams/container-input.ts';
import { ContainerOutput } from '../../../../core/engine/streams/container-output.ts';
import { ByteRingReader } from '../../../../core/guest/rings/byte-ring.ts';
import { inputRingBytes } from '../../../../core/guest/protocol.ts';

const record = (stream: 1 | 2, bytes: Uint8Array) => ({ container: 0, stream, time: 0, bytes });
const turns = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
};

async function collect(stream: ReadableStream<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(stream)).toString();
}

describe('attached output', () => {
  it('is copied to every reader, stream by stream, and ends with the container', async () => {
    const output = new ContainerOutput();
    const first = output.attach();
    const second = output.attach();
    await output.deliver([record(1, Buffer.from('out')), record(2, Buffer.from('err'))]);
    await output.close();
    assert.deepEqual(await Promise.all([first.stdout, first.stderr, second.stdout, second.stderr].map(collect)), ['out', 'err', 'out', 'err']);
  });

  it('goes nowhere without log and readers', async () => {
    await new ContainerOutput().deliver([record(1, Buffer.from('x'))]);
  });

  it('holds the guest back while a reader is behind, and no longer when it reads, leaves, or the guest has ended', async () => {
    for (const release of ['read', 'cancel', 'end'] as const) {
      const output = new ContainerOutput();
      const { stdout, stderr } = output.attach();
      await stderr.cancel();
      let delivered = false;
      const delivery = output.deliver([record(1, new Uint8Array(65 * 1024))]).then(() => (delivered = true));
      await turns();
      assert.equal(delivered, false);
      const reader = stdout.getReader();
      if (release === 'read') await reader.read();
      else if (release === 'cancel') await reader.cancel();
      else output.guestEnded();
      await delivery;
      await output.close();
    }
  });

  it('forgets readers that have left', async () => {
    const output = new ContainerOutput();
    const { stdout, stderr } = output.attach();
    await Promise.all([stdout.cancel(), stderr.cancel()]);
    await output.deliver([record(1, new Uint8Array(200 * 1024))]);
    await output.close();
  });
});

describe('attached input', () => {
  it('waits for space, also with two writers, and ends the guest\'s stdin when it is closed', async () => {
    const input = new ContainerInput();
    const guest = new ByteRingReader(input.memory, () => input.spaceMayBeFree());
    const [first, second] = [input.stream().getWriter(), input.stream().getWriter()];
    const writes = Promise.all([first.write(new Uint8Array(inputRingBytes)), first.write(new Uint8Array(10)), second.write(new Uint8Array(10))]);
    await turns();
    let read = 0;
    while (read < inputRingBytes + 20) {
      read += guest.read(new Uint8Array(1000));
      await turns();
    }
    await writes;
    await first.close();
    assert.equal(guest.readable(), -1);
  });

  it('stays open for the next writer when one is torn away', async () => {
    const input = new ContainerInput();
    const guest = new ByteRingReader(input.memory, () => {});
    await input.stream().abort();
    assert.equal(guest.readable(), 0);
    await input.stream().getWriter().write(Uint8Array.of(1));
    assert.equal(guest.readable(), 1);
  });

  it('wakes a guest that waits for it', async () => {
    const input = new ContainerInput();
    let wakes = 0;
    input.connect(() => (wakes += 1));
    const writer = input.stream().getWriter();
    await writer.write(Uint8Array.of(1));
    await writer.close();
    assert.equal(wakes, 2);
  });

  it('fails once the container has ended', async () => {
    const input = new ContainerInput();
    const writer = input.stream().getWriter();
    const failed = assert.rejects(writer.write(new Uint8Array(inputRingBytes + 1)), /has ended/);
    await turns();
    input.end();
    await failed;
  });

  it('is refused by a container without stdin', async () => {
    await assert.rejects(refusedInput().getWriter().write(Uint8Array.of(1)), /does not have stdin/);
  });
});

/**
 * Preview 1's socket functions on every runtime that takes core modules, through the engine and over TCP: each with its
 * success and its errnos. The guest (test/fixtures/sockets/calls.c) prints what it is answered; here is its client.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { errno } from '../../core/guest/preview1/errno.ts';
import { everythingFrom, loopbackPort, SocketBed } from '../support/socket-bed.ts';

const ok = errno.SUCCESS;
const { EAGAIN, EBADF, ECONNRESET, EFAULT, EINVAL, EMFILE, ENOTCONN, ENOTDIR, ENOTSOCK, EPIPE, ESPIPE } = errno;

interface Talk {
  readonly connect: () => Promise<Socket>;
  /** Resolves when the guest has printed that line. */
  readonly printed: (line: string) => Promise<void>;
}

interface Case {
  readonly client: (talk: Talk) => Promise<void>;
  readonly prints: readonly string[];
  readonly descriptors?: number;
}

const [fdRead, setFlags, fdWrite, filestat, poll, shutdown, accept] = [1, 3, 6, 21, 27, 28, 29].map((bit) => 2 ** bit) as [number, number, number, number, number, number, number];
const listenerRights = (setFlags + filestat + poll + accept).toString(16);
const connectionRights = (fdRead + setFlags + fdWrite + filestat + poll + shutdown).toString(16);

const cases: Readonly<Record<string, Case>> = {
  'wrong-descriptors': {
    client: async ({ connect }) => void (await everythingFrom(await connect())),
    prints: [
      'none', `accept ${EBADF}`, `recv ${EBADF}`, `send ${EBADF}`, `shutdown ${EBADF}`,
      'stream', `accept ${ENOTSOCK}`, `recv ${ENOTSOCK}`, `send ${ENOTSOCK}`, `shutdown ${ENOTSOCK}`,
      'directory', `accept ${ENOTSOCK}`, `recv ${ENOTSOCK}`, `send ${ENOTSOCK}`, `shutdown ${ENOTSOCK}`,
      'listener', `recv ${ENOTCONN}`, `send ${ENOTCONN}`, `shutdown ${ENOTCONN}`,
      `accept ${ok}`, `accept of a connection ${EINVAL}`,
    ],
  },
  'wrong-arguments': {
    client: async ({ connect }) => {
      const client = await connect();
      client.write('whole');
      await everythingFrom(client);
    },
    prints: [
      `accept ${ok}`, `accept flags ${EINVAL}`, `recv flags ${EINVAL}`, `send flags ${EINVAL}`, `shutdown nothing ${EINVAL}`, `shutdown more ${EINVAL}`,
      `accept pointer ${EFAULT}`, `recv vectors ${EFAULT}`, `recv buffer ${EFAULT}`, `recv length ${EFAULT}`, `recv result ${EFAULT}`,
      `send vectors ${EFAULT}`, `send buffer ${EFAULT}`, `send length ${EFAULT}`, `recv ${ok}`, 'whole',
    ],
  },
  status: {
    client: async ({ connect }) => void (await everythingFrom(await connect())),
    prints: [
      `prestat ${ok}`, 'tag 1', `dir_name ${ENOTDIR}`, `prestat of the directory ${ok}`, 'tag 0', `set_flags ${ok}`, `fdstat ${ok}`, `type 6 flags 4 rights ${listenerRights}`,
      `set_flags ${ok}`, `accept ${ok}`, `fdstat ${ok}`, `type 6 flags 4 rights ${connectionRights}`, `filestat ${ok}`, 'type 6', `prestat ${EBADF}`,
      `seek ${ESPIPE}`, `pread ${ESPIPE}`, `sync ${EINVAL}`, `set_size ${EINVAL}`, `close ${ok}`, `close again ${EBADF}`,
    ],
  },
  nonblocking: {
    client: async ({ connect, printed }) => {
      await printed(`accept ${EAGAIN}`);
      const client = await connect();
      await printed('much was sent');
      client.on('data', () => {});
      client.write('read');
      await once(client, 'end');
      client.end();
    },
    prints: [
      `set_flags ${ok}`, `accept ${EAGAIN}`, 'poll 0 bytes 1 flags 0', `accept ${ok}`, `recv ${EAGAIN}`, 'poll 0 bytes 65536 flags 0', `send ${EAGAIN}`, 'much was sent',
      `set_flags ${ok}`, `recv ${ok}`, `send ${ok}`,
    ],
  },
  shutdown: {
    client: async ({ connect }) => {
      const client = await connect();
      assert.equal(String(await everythingFrom(client)), 'first');
      client.end('after');
    },
    prints: [`accept ${ok}`, `send ${ok}`, `shutdown write ${ok}`, `shutdown write again ${ok}`, `send ${EPIPE}`, `recv ${ok}`, 'after', `shutdown read ${ok}`, `recv ${ok}`, '0 bytes'],
  },
  peek: {
    client: async ({ connect, printed }) => {
      const client = await connect();
      client.write('abcd');
      await printed('ab');
      client.write('ef');
      // The guest has its two and these two, and waits for two more.
      await new Promise((resolve) => setImmediate(resolve));
      client.write('gh');
      await printed('cdefgh');
      client.end('ij');
    },
    prints: [
      `accept ${ok}`, 'poll 0 bytes 4 flags 0', `peek ${ok}`, 'abcd', `recv ${ok}`, 'ab', `recv all ${ok}`, 'cdefgh', `recv all ${ok}`, 'ij',
      'poll 0 bytes 0 flags 1', `recv ${ok}`, '0 bytes',
    ],
  },
  reset: {
    client: async ({ connect, printed }) => {
      const client = await connect();
      client.write('first');
      await printed(`recv ${ok}`);
      client.resetAndDestroy();
    },
    prints: [`accept ${ok}`, `recv ${ok}`, `recv ${ECONNRESET}`, `send ${EPIPE}`, 'poll 0 bytes 0 flags 1', 'poll 0 bytes 0 flags 1', `shutdown ${ok}`],
  },
  full: {
    // Streams, listener and directory are five.
    descriptors: 8,
    client: async ({ connect }) => void (await Promise.all([1, 2, 3, 4].map(async () => everythingFrom(await connect())))),
    prints: ['accepted 3', `accept ${EMFILE}`, `close ${ok}`, `accept ${ok}`, 'same descriptor'],
  },
  'close-listener': {
    client: async ({ connect, printed }) => {
      const client = await connect();
      await once(client, 'readable');
      assert.equal(String(client.read()), 'still');
      await printed(`accept ${EBADF}`);
      await assert.rejects(connect(), { code: 'ECONNREFUSED' });
      client.end();
    },
    prints: [`accept ${ok}`, `close ${ok}`, `accept ${EBADF}`, `send ${ok}`, `recv ${ok}`],
  },
  renumber: {
    client: async ({ connect }) => {
      const client = await connect();
      assert.equal(String(await everythingFrom(client)), 'moved');
      await assert.rejects(connect(), { code: 'ECONNREFUSED' });
    },
    prints: [`accept ${ok}`, `renumber ${ok}`, `send ${ok}`, `old ${EBADF}`],
  },
};

const subjects = [
  { runtime: 'wasi', isolation: 'dedicated' },
  { runtime: 'wasi', isolation: 'shared' },
  { runtime: 'node-wasi', isolation: 'dedicated' },
  { runtime: 'wasmer', isolation: 'dedicated' },
] as const;

for (const { runtime, isolation } of subjects) {
  describe(`sockets of the runtime ${runtime} on a ${isolation} thread`, () => {
    let sockets: SocketBed;
    before(async () => {
      sockets = await SocketBed.create(runtime, { isolation });
    });
    after(() => sockets.close());

    for (const [name, { client, prints, descriptors = 256 }] of Object.entries(cases)) {
      it(name.replaceAll('-', ' '), async () => {
        const mounts = [{ guestPath: '/data', hostPath: sockets.bed.podsDirectory, readOnly: true }];
        const { id, port } = await sockets.serve(await sockets.fixture('calls.wasm'), [name], { mounts, resources: { descriptors } });
        await client({ connect: () => sockets.connect(port), printed: (line) => sockets.printed(id, line) });
        assert.deepEqual((await sockets.bed.ended(id)).exit, { code: 0, reason: 'Completed' });
        assert.deepEqual((await sockets.output(id)).split('\n'), prints);
      });
    }

    it('two ports, in the order of the pod', async () => {
      const { id } = await sockets.serve(await sockets.fixture('calls.wasm'), ['two-ports'], { ports: [loopbackPort(0, 'one'), loopbackPort(0, 'two')] });
      const [one, two] = sockets.bed.observe(id).ports!.map(({ addresses }) => addresses[0]!.port);
      const second = await sockets.connect(two!);
      assert.equal(String((await once(second, 'data'))[0]), 'second');
      const first = await sockets.connect(one!);
      assert.equal(String((await once(first, 'data'))[0]), 'first');
      await sockets.bed.ended(id);
      assert.equal(await sockets.output(id), ['poll 0 bytes 1 flags 0', 'accept 0', 'send 0', 'poll 0 bytes 1 flags 0', 'accept 0', 'send 0'].join('\n'));
    });
  });
}

// A runtime of a third party: preview 1 programs that print, sleep, read the clock and exit. The thread side; see README.md.
import { exitOf, startErrorOf } from 'wasmlet/guest';

const errno = { success: 0, badf: 8, inval: 28, spipe: 70 };
const encoder = new TextEncoder();
const done = (_effect) => errno.success;

/** @type {import('wasmlet/api').RuntimeThread['start']} */
export async function start(task, host) {
  /** @type {WebAssembly.Memory} */
  let memory;
  const view = () => new DataView(memory.buffer);
  const bytes = (at, length) => new Uint8Array(memory.buffer, at, length);

  // Lists of strings: their sizes first, then pointers and NUL-terminated bytes.
  const strings = (list) => {
    const encoded = list.map((text) => encoder.encode(`${text}\0`));
    return {
      sizes(countAt, sizeAt) {
        view().setUint32(countAt, encoded.length, true);
        view().setUint32(sizeAt, encoded.reduce((sum, { length }) => sum + length, 0), true);
        return errno.success;
      },
      get(pointersAt, at) {
        for (const [index, text] of encoded.entries()) {
          view().setUint32(pointersAt + 4 * index, at, true);
          bytes(at, text.length).set(text);
          at += text.length;
        }
        return errno.success;
      },
    };
  };
  const args = strings(task.argv);
  const environment = strings(task.env.map(([name, value]) => `${name}=${value}`));

  // Bytes go through the engine's ring; when it is full the guest waits, and then the same write is tried again.
  const write = (fd, vectors, count, writtenAt) => {
    if (fd !== 1 && fd !== 2) return errno.badf;
    // The first vector that has bytes; a program writes what is left again.
    while (count > 1 && view().getUint32(vectors + 4, true) === 0) [vectors, count] = [vectors + 8, count - 1];
    const length = count === 0 ? 0 : Math.min(view().getUint32(vectors + 4, true), 65536);
    const wait = length === 0 ? undefined : host.stdio.write(fd, bytes(view().getUint32(vectors, true), length));
    if (wait !== undefined) return { wait, resume: () => write(fd, vectors, count, writtenAt) };
    view().setUint32(writtenAt, length, true);
    return errno.success;
  };

  // Only timers: subscriptions of 48 bytes with the clock's id at 16, the time at 24 and "absolute" at 40.
  const poll = (subscriptions, events, count, eventsAt) => {
    const places = Array.from({ length: count }, (_, index) => subscriptions + 48 * index);
    if (count === 0 || places.some((at) => view().getUint8(at + 8) !== 0)) return errno.inval;
    const timers = places.map((at) => {
      const now = view().getUint32(at + 16, true) === 0 ? host.clock.realtime() : host.clock.monotonic();
      const time = view().getBigUint64(at + 24, true);
      const left = (view().getUint16(at + 40, true) & 1) === 1 ? time - now : time;
      return { userdata: view().getBigUint64(at, true), deadline: host.clock.monotonic() + (left > 0n ? left : 0n) };
    });
    const first = timers.reduce((one, other) => (other.deadline < one.deadline ? other : one));
    const resume = () => {
      bytes(events, 32).fill(0);
      view().setBigUint64(events, first.userdata, true);
      view().setUint32(eventsAt, 1, true);
      return errno.success;
    };
    return { wait: { deadline: first.deadline }, resume };
  };

  const functions = {
    args_sizes_get: args.sizes, args_get: args.get, environ_sizes_get: environment.sizes, environ_get: environment.get,
    clock_time_get: (id, _precision, at) => done(view().setBigUint64(at, id === 0 ? host.clock.realtime() : host.clock.monotonic(), true)),
    random_get: (at, length) => done(host.random(bytes(at, length))),
    fd_write: write, poll_oneoff: poll,
    fd_close: () => errno.success, fd_seek: () => errno.spipe, fd_prestat_get: () => errno.badf, fd_prestat_dir_name: () => errno.badf,
    // Descriptors 0, 1 and 2 are character devices (2) with all rights.
    fd_fdstat_get: (fd, at) => (fd > 2 ? errno.badf : done(bytes(at, 24).fill(0).fill(0xff, 8).set([2]))),
    proc_exit: (code) => host.exit(code),
  };
  // Every import reports the first host call and may block.
  const imports = Object.fromEntries(Object.entries(functions).map(([name, call]) => [name, host.blocker.wrap((...values) => (host.touch(), call(...values)))]));

  const instances = [];
  try {
    const instance = await host.instantiate(task.modules.main, { wasi_snapshot_preview1: imports });
    instances.push(instance);
    memory = instance.exports.memory;
    if (typeof instance.exports._start !== 'function') return { kind: 'start-error', code: 'ENTRY_POINT_MISSING', message: 'no _start' };
    await host.blocker.enter(instance.exports._start)();
    return { kind: 'exit', code: 0 };
  } catch (error) {
    return startErrorOf(error) ?? exitOf(error, host.memoryExhausted(instances));
  } finally {
    host.reportMemory(memory?.buffer.byteLength ?? 0);
  }
}

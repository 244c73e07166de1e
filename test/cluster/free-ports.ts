import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the kernel's ephemeral range (32768 and up): an outgoing connection cannot take the port of an
// API server that is down for a moment.
const lowest = 20_000;
const beyondHighest = 30_000;

/**
 * Picks TCP ports of 127.0.0.1 that nobody listens on, all different.
 *
 * Another process may take one before it is used: whoever starts a server on it has to look for
 * "address already in use" and pick again.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; ports.size < count; attempt += 1) {
    if (attempt > 1000) throw new Error(`no ${count} free ports in ${lowest}–${beyondHighest - 1}`);
    const port = randomInt(lowest, beyondHighest);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
const attempts = 4;

/** Runs `start` again, so that it picks new ports, when another process took one of them first. */
export async function retryTakenPorts<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      if (attempt === attempts || !String(error).includes('address already in use')) throw error;
    }
  }
}

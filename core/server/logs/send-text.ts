import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { isAbort } from '../../api/errors.ts';

/** As fast as the client takes it, and no further ahead. Leaves the response open when `signal` aborts: the client has gone. */
export async function sendText(text: AsyncIterable<Buffer>, response: Writable, signal: AbortSignal): Promise<void> {
  try {
    for await (const piece of text) if (!response.write(piece)) await once(response, 'drain', { signal });
    response.end();
  } catch (error) {
    if (!isAbort(error)) throw error;
  }
}

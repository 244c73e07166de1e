import { parseLogLine } from './cri-log.ts';
import type { LogOptions } from './log-options.ts';

const newline = Buffer.from('\n');

/**
 * What the client gets for the lines of a CRI log file (pkg/kubelet/kuberuntime/logs): text without the record's head, with
 * its time if asked; parts joined; older records and what is no record left out; cut after `limitBytes`.
 */
export async function* formatLog(lines: AsyncIterable<readonly Buffer[]>, options: Pick<LogOptions, 'since' | 'timestamps' | 'limitBytes'>): AsyncGenerator<Buffer> {
  const { since = -Infinity, timestamps } = options;
  let left = options.limitBytes ?? Infinity;
  let begun = false;
  for await (const batch of lines) {
    const pieces: Buffer[] = [];
    for (const line of batch) {
      const record = parseLogLine(line);
      if (!record || record.time < since) continue;
      if (timestamps && !begun) pieces.push(Buffer.from(`${record.timestamp} `));
      pieces.push(record.text);
      if (!record.partial) pieces.push(newline);
      begun = record.partial;
    }
    if (pieces.length === 0) continue;
    const text = Buffer.concat(pieces);
    if (text.length >= left) {
      yield text.subarray(0, left);
      return;
    }
    left -= text.length;
    yield text;
  }
}

import type { OutputRecord } from '../../guest/rings/output-ring.ts';

/** Longer lines are split, as containerd and CRI-O do. */
const lineLimit = 16 * 1024;
const newline = 0x0a;
const streamNames = { 1: 'stdout', 2: 'stderr' } as const;

interface Line {
  readonly chunks: Uint8Array[];
  length: number;
  time: number;
}

/** Bytes of a guest to lines of a CRI log: `<RFC3339Nano> <stdout|stderr> <F|P> <text>\n` (k8s.io/cri-client/pkg/logs). */
export class CriFormatter {
  /** The lines that have begun, one for each stream at most. */
  #stdout: Line | undefined;
  #stderr: Line | undefined;

  /** What can be written now; the beginning of a line waits for the rest of it. */
  format(records: readonly OutputRecord[]): Buffer {
    const parts: Uint8Array[] = [];
    for (const { stream, time, bytes } of records) {
      for (let from = 0; from < bytes.length; ) {
        const end = bytes.indexOf(newline, from);
        this.#add(parts, stream, time, bytes.subarray(from, end === -1 ? bytes.length : end));
        if (end === -1) break;
        this.#end(parts, stream, time, 'F');
        from = end + 1;
      }
    }
    return Buffer.concat(parts);
  }

  /** The lines that never got their newline, as partial ones: a reader then adds none either. */
  flush(): Buffer {
    const parts: Uint8Array[] = [];
    for (const stream of [1, 2] as const) {
      const line = this.#open(stream);
      if (line !== undefined) this.#end(parts, stream, line.time, 'P');
    }
    return Buffer.concat(parts);
  }

  #add(parts: Uint8Array[], stream: 1 | 2, time: number, text: Uint8Array): void {
    for (let from = 0; from < text.length; ) {
      if (this.#open(stream)?.length === lineLimit) this.#end(parts, stream, time, 'P');
      const line = this.#open(stream) ?? this.#begin(stream);
      const piece = text.subarray(from, from + lineLimit - line.length);
      line.chunks.push(piece);
      line.length += piece.length;
      line.time = time;
      from += piece.length;
    }
  }

  #end(parts: Uint8Array[], stream: 1 | 2, time: number, tag: 'F' | 'P'): void {
    parts.push(Buffer.from(`${rfc3339Nano(time)} ${streamNames[stream]} ${tag} `), ...(this.#open(stream)?.chunks ?? []), Uint8Array.of(newline));
    this.#set(stream, undefined);
  }

  #open(stream: 1 | 2): Line | undefined {
    return stream === 1 ? this.#stdout : this.#stderr;
  }

  #begin(stream: 1 | 2): Line {
    const line = { chunks: [], length: 0, time: 0 };
    this.#set(stream, line);
    return line;
  }

  #set(stream: 1 | 2, line: Line | undefined): void {
    if (stream === 1) this.#stdout = line;
    else this.#stderr = line;
  }
}

/** Milliseconds since the epoch, with fraction, as RFC 3339 in UTC with nine digits: `2026-01-02T03:04:05.678901200Z`. */
export function rfc3339Nano(milliseconds: number): string {
  const whole = Math.floor(milliseconds);
  const nanoseconds = Math.floor((milliseconds - whole) * 1e6);
  return `${new Date(whole).toISOString().slice(0, -1)}${String(nanoseconds).padStart(6, '0')}Z`;
}

import type { OutputRecord } from '../../guest/rings/output-ring.ts';
import type { LogWriter } from '../logs/log-writer.ts';
import { LiveOutput } from './live-output.ts';

interface AttachedOutput {
  readonly stdout: LiveOutput;
  readonly stderr: LiveOutput;
}

const nobody: readonly AttachedOutput[] = [];

/** Where a container's output goes: its log file, if it has one, and every attached reader. */
export class ContainerOutput {
  readonly #log: LogWriter | undefined;
  /** Made anew when one comes or goes: few have any. */
  #attached: readonly AttachedOutput[] = nobody;

  constructor(log?: LogWriter) {
    this.#log = log;
  }

  attach(): { readonly stdout: ReadableStream<Uint8Array>; readonly stderr: ReadableStream<Uint8Array> } {
    const attached = { stdout: new LiveOutput(), stderr: new LiveOutput() };
    this.#attached = [...this.#attached, attached];
    return { stdout: attached.stdout.stream, stderr: attached.stderr.stream };
  }

  /** Resolves when log and readers have taken the records. Never rejects. */
  async deliver(records: readonly OutputRecord[]): Promise<void> {
    await Promise.all([this.#log?.append(records), ...this.#attached.map((attached) => this.#copy(attached, records))]);
  }

  /** The guest has ended: nothing that is slow may hold up the news of it for long. */
  guestEnded(): void {
    this.#log?.guestEnded();
    for (const { stdout, stderr } of this.#attached) {
      stdout.stopHolding();
      stderr.stopHolding();
    }
  }

  /** After the last record: the log is flushed and closed, readers get the end. */
  async close(): Promise<void> {
    for (const { stdout, stderr } of this.#attached) {
      stdout.close();
      stderr.close();
    }
    this.#attached = nobody;
    await this.#log?.close();
  }

  async #copy(attached: AttachedOutput, records: readonly OutputRecord[]): Promise<void> {
    for (const { stream, bytes } of records) await (stream === 1 ? attached.stdout : attached.stderr).write(bytes);
    if (attached.stdout.closed && attached.stderr.closed) this.#attached = this.#attached.filter((other) => other !== attached);
  }
}

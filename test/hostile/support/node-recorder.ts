import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { ApiFake } from '../../support/api-fake/api-fake.ts';

/** What a node's process holds. */
export interface ProcessState {
  readonly threads: number;
  /** Descriptors of files and directories; those of event loops come and go with threads, sockets with clients. */
  readonly descriptors: number;
  readonly residentBytes: number;
}

export function readProcess(pid: number): ProcessState {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // Closed since.
    }
  });
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return { threads: readdirSync(`/proc/${pid}/task`).length, descriptors: links.filter((link) => link.startsWith('/')).length, residentBytes: Number(resident![1]) * 1024 };
}

/** Sees each renewal of the node's lease. */
export class LeaseRecorder {
  readonly #fake: ApiFake;
  readonly #renewals: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(fake: ApiFake) {
    this.#fake = fake;
    this.#timer = setInterval(() => this.#look(), 200);
  }

  /** The longest time without a renewal so far, in milliseconds, up to now. The times are the node's own. */
  longestGap(): number {
    this.#look();
    const times = [...this.#renewals, Date.now()];
    return Math.max(0, ...times.slice(1).map((time, at) => time - times[at]!));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const [lease] = this.#fake.objects.list('leases');
    const renewed = Date.parse((lease?.['spec'] as { renewTime?: string } | undefined)?.renewTime ?? '');
    if (!Number.isNaN(renewed) && renewed !== this.#renewals.at(-1)) this.#renewals.push(renewed);
  }
}

import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import type { AttemptRecord } from '../state/journal-entry.ts';
import { createLogLink } from './log-link.ts';
import { LogWriter } from './log-writer.ts';
import { removeLogs } from './rotate-log.ts';
import { removeFile } from '../remove-file.ts';

export interface ContainerLogsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logMaxBytes: number;
  readonly logMaxFiles: number;
}

/** The log files of containers and the links to them. */
export class ContainerLogs {
  readonly #options: ContainerLogsOptions;

  constructor(options: ContainerLogsOptions) {
    this.#options = options;
  }

  writer(path: string): LogWriter {
    const { clock, logger, logMaxBytes: maxBytes, logMaxFiles: maxFiles } = this.#options;
    return new LogWriter({ path, maxBytes, maxFiles, clock, logger });
  }

  /** Log shippers miss a link that cannot be made, the container does not: it is only warned about. */
  link({ logLink, logPath }: AttemptRecord): void {
    if (logLink === undefined || logPath === undefined) return;
    try {
      createLogLink(logLink, logPath);
    } catch (error) {
      this.#options.logger.warn({ error: messageOf(error), logLink }, 'no symlink to a container log could be made');
    }
  }

  /** Deletes the log with all its parts, and the link. */
  async remove({ logLink, logPath }: AttemptRecord): Promise<void> {
    if (logPath !== undefined) await removeLogs(logPath);
    if (logLink !== undefined) await removeFile(logLink);
  }
}

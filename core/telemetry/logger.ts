import { pino } from 'pino';
import type { Logger } from '../api/logger.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Keys whose values never reach a log, wherever they stand. */
const secrets = ['password', 'token', 'identityToken', 'authorization', 'key', 'credentials', '*.password', '*.token', '*.identityToken', '*.authorization', '*.key', '*.credentials'];

/** JSON lines on stderr (stdout belongs to the user): constant message, keys, RFC 3339 time. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secrets, censor: '[redacted]' },
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.errWithCause },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}

export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

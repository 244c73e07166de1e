import { errorCodeOf } from '../../sockets/error-code.ts';
import type { ErrorCode } from '../../sockets/error-code.ts';
import type { Words } from '../../sockets/ip-socket.ts';

const outOfMemory: ErrorCode = { tag: 'out-of-memory' };

/** 0.3 has no word for too many sockets. */
export const words: Words = { errorCodeOf, socketLimit: outOfMemory };

import { createClocks } from './clocks.ts';
import { createEnvironment } from './environment.ts';
import { createFilesystem } from './filesystem/filesystem.ts';
import type { GuestContext, HostInterfaces } from './guest-context.ts';
import { createPoll } from './poll.ts';
import { createRandom } from './random.ts';
import { createSockets } from './sockets.ts';
import { createStdio } from './stdio.ts';
import { errors, streams } from './streams.ts';

/** The hosts of WASI 0.2 for one component. */
export interface Preview2 {
  readonly imports: HostInterfaces;
  /** Delivers what is left of the output and closes every descriptor. */
  close(): void;
}

export function createPreview2(context: GuestContext): Preview2 {
  const filesystem = createFilesystem(context);
  const stdio = createStdio(context);
  return {
    imports: {
      ...createEnvironment(context),
      ...stdio.imports,
      ...createClocks(context),
      ...createRandom(context),
      ...createSockets(context),
      ...filesystem.imports,
      'wasi:io/error': errors,
      'wasi:io/poll': createPoll(context),
      'wasi:io/streams': streams,
    },
    close() {
      try {
        stdio.drain();
      } finally {
        filesystem.close();
      }
    },
  };
}

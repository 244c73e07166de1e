import type { Network } from '../network/network.ts';
import { createClocks } from './clocks.ts';
import { createEnvironment } from './environment.ts';
import { createFilesystem } from './filesystem/filesystem.ts';
import type { GuestFiles } from '../filesystem/guest-files.ts';
import type { GuestContext, HostInterfaces } from '../host/guest-context.ts';
import { createHttp } from './http/http.ts';
import { createPoll } from './poll.ts';
import { createRandom } from './random.ts';
import { createSockets } from './sockets/sockets.ts';
import { createStdio } from './stdio.ts';
import { errors, streams } from './streams.ts';

/** The hosts of WASI 0.2 for one component. */
export interface Preview2 {
  readonly imports: HostInterfaces;
  /** Delivers what is left of the output. */
  drain(): void;
}

export function createPreview2(context: GuestContext, files: GuestFiles, network: Network): Preview2 {
  const stdio = createStdio(context);
  return {
    imports: {
      ...createEnvironment(context),
      ...stdio.imports,
      ...createClocks(context),
      ...createRandom(context),
      ...createSockets(context, network, files.table),
      ...createHttp(context, network),
      ...createFilesystem(context, files),
      'wasi:io/error': errors,
      'wasi:io/poll': createPoll(context),
      'wasi:io/streams': streams,
    },
    drain: () => stdio.drain(),
  };
}

import type { Network } from '../network/network.ts';
import type { GuestFiles } from '../filesystem/guest-files.ts';
import type { GuestContext, HostInterfaces } from '../host/guest-context.ts';
import { createClocks } from './clocks.ts';
import { createEnvironment } from './environment.ts';
import { Descriptor } from './filesystem/descriptor.ts';
import { createHttp } from './http/http-types.ts';
import type { HttpResources } from './http/http-types.ts';
import { createRandom } from './random.ts';
import { createSockets } from './sockets/sockets.ts';
import { createStdio } from './stdio.ts';

/** The hosts of WASI 0.3 for one component, under names as `wasi:cli/stdin@0.3`. */
export interface Preview3 {
  readonly imports: HostInterfaces;
  readonly http: HttpResources;
  /** Delivers what is left of the output. */
  close(): Promise<void>;
}

/** `preview2`: the interfaces of 0.2, which some of these share. */
export function createPreview3(context: GuestContext, files: GuestFiles, preview2: HostInterfaces, network: Network): Preview3 {
  const stdio = createStdio(context);
  const http = createHttp(context, network.client);
  return {
    imports: {
      ...createEnvironment(context, preview2),
      ...stdio.imports,
      ...createClocks(context),
      ...createRandom(context),
      ...http.imports,
      ...createSockets(context, network.policy, files.table),
      'wasi:filesystem/types@0.3': { Descriptor },
      'wasi:filesystem/preopens@0.3': {
        getDirectories: (): [Descriptor, string][] => {
          context.called();
          return files.preopens.map(({ path, open }) => [new Descriptor(context, files.table, open.hold(), true), path]);
        },
      },
    },
    http: http.resources,
    close: () => stdio.drain(),
  };
}

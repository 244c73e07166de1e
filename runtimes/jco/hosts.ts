import type { Network } from './network/network.ts';
import { openGuestFiles } from './filesystem/guest-files.ts';
import type { GuestContext, HostInterfaces } from './host/guest-context.ts';
import { createPreview2 } from './preview2/preview2.ts';
import type { HttpResources } from './preview3/http/http-types.ts';
import { createPreview3 } from './preview3/preview3.ts';

/** The hosts of one instance of a component: WASI 0.2's by names without a version, 0.3's as `wasi:cli/stdin@0.3`. */
export interface Hosts {
  readonly imports: HostInterfaces;
  /** `wasi:http` 0.3's resources, as the instance knows them. */
  readonly http: HttpResources;
  /** Delivers what is left of the output and closes every descriptor. */
  close(): Promise<void>;
}

/** `network`: shared by all instances of a container. */
export function createHosts(context: GuestContext, network: Network): Hosts {
  const files = openGuestFiles(context.host);
  const preview2 = createPreview2(context, files, network);
  const preview3 = createPreview3(context, files, preview2.imports, network);
  return {
    imports: { ...preview2.imports, ...preview3.imports },
    http: preview3.http,
    async close() {
      try {
        await preview3.close();
        preview2.drain();
      } finally {
        files.close();
      }
    },
  };
}

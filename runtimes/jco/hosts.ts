import type { GuestContext, HostInterfaces } from './preview2/guest-context.ts';
import { createPreview2 } from './preview2/preview2.ts';

/** The hosts of one instance of a component: WASI 0.2's by names without a version, 0.3's as `wasi:cli/stdin@0.3`. */
export interface Hosts {
  readonly imports: HostInterfaces;
  /** Delivers what is left of the output and closes every descriptor. */
  close(): Promise<void>;
}

export function createHosts(context: GuestContext): Hosts {
  const preview2 = createPreview2(context);
  return {
    imports: preview2.imports,
    async close() {
      preview2.close();
    },
  };
}

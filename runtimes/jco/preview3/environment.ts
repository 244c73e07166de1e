import type { GuestContext, HostInterfaces } from '../host/guest-context.ts';

/** `wasi:cli/environment` and `exit` 0.3: 0.2's with one name changed. `preview2`: the interfaces of 0.2. */
export function createEnvironment(context: GuestContext, preview2: HostInterfaces): HostInterfaces {
  const { initialCwd, ...environment } = preview2['wasi:cli/environment']!;
  const { exit } = preview2['wasi:cli/exit']!;
  return {
    'wasi:cli/environment@0.3': { ...environment, getInitialCwd: initialCwd },
    'wasi:cli/exit@0.3': { exit, exitWithCode: (code: number) => context.leave(code) },
  };
}

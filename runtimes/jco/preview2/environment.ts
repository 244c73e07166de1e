import type { GuestContext, HostInterfaces } from '../host/guest-context.ts';

/** `wasi:cli/environment` and `wasi:cli/exit` 0.2: what the pod says, nothing of the host's. */
export function createEnvironment(context: GuestContext): HostInterfaces {
  return {
    'wasi:cli/environment': {
      getEnvironment: (): [string, string][] => {
        context.called();
        return context.task.env.map(([name, value]) => [name, value]);
      },
      getArguments: (): string[] => {
        context.called();
        return [...context.task.argv];
      },
      initialCwd: (): string | undefined => {
        context.called();
        return context.task.cwd === '' ? undefined : context.task.cwd;
      },
    },
    'wasi:cli/exit': {
      exit: (status: { readonly tag: 'ok' | 'err' }): never => {
        context.called();
        return context.leave(status.tag === 'ok' ? 0 : 1);
      },
      exitWithCode: (code: number): never => {
        context.called();
        return context.leave(code);
      },
    },
  };
}

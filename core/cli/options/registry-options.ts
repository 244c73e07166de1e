import type { Command } from 'commander';

/** The options of every command that talks to one registry. */
export interface RegistryOptions {
  readonly plainHttp?: boolean;
  readonly ca?: string;
}

export function addRegistryOptions(command: Command): Command {
  return command
    .option('--plain-http', 'speak http to the registry (to one on this machine: always)')
    .option('--ca <file>', "PEM file of the registry's own certificate authority");
}

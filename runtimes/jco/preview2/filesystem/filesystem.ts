import type { GuestContext, HostInterfaces } from '../../host/guest-context.ts';
import { Descriptor } from './descriptor.ts';
import { DirectoryEntryStream } from './directory-entry-stream.ts';
import { filesystemErrorCode } from './error-code.ts';
import type { GuestFiles } from '../../filesystem/guest-files.ts';

/** `wasi:filesystem/types` and `preopens` 0.2. */
export function createFilesystem(context: GuestContext, files: GuestFiles): HostInterfaces {
  return {
    'wasi:filesystem/types': { Descriptor, DirectoryEntryStream, filesystemErrorCode },
    'wasi:filesystem/preopens': {
      getDirectories: (): [Descriptor, string][] => {
        context.called();
        return files.preopens.map(({ path, open }) => [new Descriptor(context, files.table, open.hold()), path]);
      },
    },
  };
}

import { DescriptorTable } from '../../../../core/guest/files/descriptor-table.ts';
import { Directory } from '../../../../core/guest/files/directory.ts';
import { MountTable } from '../../../../core/guest/files/mount-table.ts';
import type { GuestContext, HostInterfaces } from '../guest-context.ts';
import { Descriptor, DirectoryEntryStream } from './descriptor.ts';
import { filesystemErrorCode } from './error-code.ts';
import { OpenNode } from './open-node.ts';
import type { NodeTable } from './open-node.ts';

/** `wasi:filesystem/types` and `preopens` 0.2: the container's mounts, held open until `close`. */
export function createFilesystem(context: GuestContext): { readonly imports: HostInterfaces; close(): void } {
  const { host } = context;
  const table: NodeTable = new DescriptorTable(host.limits.descriptors, (count) => host.reportDescriptors(count));
  const mounts = new MountTable(host.mounts);
  const close = (): void => {
    table.closeAll();
    mounts.close();
  };
  try {
    const preopens = mounts.roots().map((root) => ({
      path: root.mount.guestPath,
      open: OpenNode.open(table, () => new Directory(mounts, root)),
    }));
    return {
      imports: {
        'wasi:filesystem/types': { Descriptor, DirectoryEntryStream, filesystemErrorCode },
        'wasi:filesystem/preopens': {
          getDirectories: (): [Descriptor, string][] => {
            context.called();
            return preopens.map(({ path, open }) => [new Descriptor(context, table, open.hold()), path]);
          },
        },
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

import { DescriptorTable } from '../../../core/guest/files/descriptor-table.ts';
import { Directory } from '../../../core/guest/files/directory.ts';
import { MountTable } from '../../../core/guest/files/mount-table.ts';
import type { GuestHost } from '../../../core/guest/host.ts';
import { OpenNode } from './open-node.ts';
import type { NodeTable } from './open-node.ts';

/** The container's mounts, held open until `close`, and what the guest holds open: for 0.2 and 0.3 alike. */
export interface GuestFiles {
  readonly table: NodeTable;
  /** By guest path. */
  readonly preopens: readonly { readonly path: string; readonly open: OpenNode }[];
  close(): void;
}

export function openGuestFiles(host: GuestHost): GuestFiles {
  const table: NodeTable = new DescriptorTable(host);
  const mounts = new MountTable(host.mounts);
  const close = (): void => {
    table.closeAll();
    mounts.close();
  };
  try {
    const preopens = mounts.roots().map((root) => ({ path: root.mount.guestPath, open: OpenNode.open(table, () => new Directory(mounts, root)) }));
    return { table, preopens, close };
  } catch (error) {
    close();
    throw error;
  }
}

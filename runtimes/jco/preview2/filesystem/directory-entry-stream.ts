import type { Listing } from '../../../../core/guest/files/listing.ts';
import { errorCodeOf } from '../../filesystem/error-code.ts';
import { fileTypeOf, textOf } from '../../filesystem/file-status.ts';
import type { FileType } from '../../filesystem/file-status.ts';
import type { NodeTable } from '../../filesystem/open-node.ts';
import { attemptAs } from '../../host/component-failure.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { HostResource } from '../../host/host-resource.ts';

/** What a listing takes in the node's heap, roughly: Node reads 32 entries at once. */
const listingBytes = 4096;

/** `wasi:filesystem/types.directory-entry-stream`. Counts as a descriptor. */
export class DirectoryEntryStream extends HostResource {
  readonly #table: NodeTable;
  readonly #listing: Listing;

  /** `listing` is held by `table`. */
  constructor(context: GuestContext, table: NodeTable, listing: Listing) {
    super(context, listingBytes);
    this.#table = table;
    this.#listing = listing;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#table.release(this.#listing);
  }

  readDirectoryEntry(): { readonly type: FileType; readonly name: string } | undefined {
    this.context.called();
    return attemptAs(errorCodeOf, () => {
      const entry = this.#listing.next();
      return entry && { type: fileTypeOf(entry), name: textOf(entry.name) };
    });
  }
}

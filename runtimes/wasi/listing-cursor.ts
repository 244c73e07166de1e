import type { Dirent } from 'node:fs';
import type { DescriptorTable } from '../../core/guest/files/descriptor-table.ts';
import type { Directory } from '../../core/guest/files/directory.ts';
import type { Listing } from '../../core/guest/files/listing.ts';

type Room = Pick<DescriptorTable<never>, 'hold' | 'release'>;

/** Entries that can be given again. Guests ask again for the one that their buffer cut. */
const remembered = 16;

/**
 * Where a guest is in a directory. Entries have numbers from 0, in the order in which the host gives them. Whoever goes back further
 * than a few entries begins a new listing, in which the numbers are others when the directory has changed, as after `rewinddir`.
 */
export class ListingCursor {
  readonly #directory: Directory;
  readonly #room: Room;
  #listing: Listing | undefined;
  /** The last entries that were read. */
  readonly #recent: Dirent<Buffer>[] = [];
  /** Number of the entry that is read next. */
  #next = 0;
  /** All entries, once they have been counted. */
  #count = Infinity;

  constructor(directory: Directory, room: Room) {
    this.#directory = directory;
    this.#room = room;
  }

  /** Before the first call of `entry`, for a listing of the directory as it is now. */
  rewind(): void {
    this.close();
    this.#recent.length = 0;
    this.#next = 0;
    this.#count = Infinity;
  }

  /**
   * The entry of that number, undefined behind the last. `further`: there are entries before it to be passed, of which one was.
   * @throws FileError `EMFILE` when the guest has no descriptor left for the listing; Node's system error
   */
  entry(number: number): Dirent<Buffer> | 'further' | undefined {
    if (number < this.#next - this.#recent.length) this.rewind();
    if (number < this.#next) return this.#recent[number - this.#next + this.#recent.length];
    if (number >= this.#count) return undefined;
    this.#listing ??= this.#room.hold(() => this.#directory.list());
    const found = this.#listing.next();
    if (found === undefined) {
      this.#count = this.#next;
      this.close();
      return undefined;
    }
    if (this.#recent.push(found) > remembered) this.#recent.shift();
    return this.#next++ === number ? found : 'further';
  }

  close(): void {
    if (this.#listing !== undefined) this.#room.release(this.#listing);
    this.#listing = undefined;
  }
}

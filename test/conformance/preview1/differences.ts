import type { Case } from './case.ts';
import type { Errno } from './caller.ts';
import type { Preview1Function } from './signatures.ts';

/** Cases that a runtime answers otherwise: those of the functions, with the errno and of the condition that are named. */
export interface Difference {
  readonly functions?: readonly Preview1Function[];
  readonly answers?: Errno;
  readonly when?: string | RegExp;
  /** What it answers instead; absent: what it does cannot be asked in that form, and the case is skipped. */
  readonly instead?: Errno;
  readonly why: string;
}

export function matches({ functions, answers, when }: Difference, each: Case): boolean {
  if (functions !== undefined && !functions.includes(each.function)) return false;
  if (answers !== undefined && answers !== each.answers) return false;
  return when === undefined || (typeof when === 'string' ? when === each.when : when.test(each.when));
}

/** What uvwasi itself answers about a memory that it cannot reach. */
const uvwasiMemory: readonly Preview1Function[] = [
  'args_sizes_get', 'args_get', 'environ_sizes_get', 'environ_get', 'fd_pread', 'fd_seek', 'fd_tell', 'fd_fdstat_get', 'fd_filestat_get', 'fd_readdir',
];
const noLinks = 'it makes no symbolic links';
const rights = 'uvwasi judges by the rights that were asked for';
const copies = 'Wasmer\'s file system holds copies, without links and special files';
const loose = 'Wasmer looks less closely';

/**
 * By runtime; the first that matches counts. Whatever is not here, and not excluded by the manifest, answers what the cases
 * say. Each runtime's README says the same in words.
 */
export const differences: Readonly<Record<string, readonly Difference[]>> = {
  wasi: [],
  'node-wasi': [
    { functions: ['path_symlink'], answers: 'SUCCESS', why: noLinks },
    ...(['ENOTDIR', 'ENOTCAPABLE', 'ENOENT', 'EINVAL', 'EILSEQ', 'ENAMETOOLONG', 'EFAULT', 'EEXIST', 'EROFS'] as const).map((answers): Difference => ({ functions: ['path_symlink'], answers, instead: 'EPERM', why: noLinks })),
    { functions: uvwasiMemory, answers: 'EFAULT', instead: 'EOVERFLOW', why: 'uvwasi calls it an overflow' },
    { functions: ['fd_read'], when: 'the iovecs lie beyond the memory', instead: 'EOVERFLOW', why: 'uvwasi calls it an overflow' },
    { functions: ['path_filestat_get'], when: 'the pointer for the result lies', instead: 'EOVERFLOW', why: 'uvwasi calls it an overflow' },
    { functions: ['path_readlink'], when: 'the buffer lies beyond the memory', instead: 'EOVERFLOW', why: 'uvwasi calls it an overflow' },
    { when: /^a file that was opened for (reading|writing) only$/, instead: 'ENOTCAPABLE', why: rights },
    { functions: ['fd_read', 'fd_pread', 'fd_seek', 'fd_tell', 'fd_allocate', 'fd_filestat_set_size'], when: /^(from|on) a directory$/, instead: 'ENOTCAPABLE', why: rights },
    { functions: ['fd_readdir'], when: 'it is a file', instead: 'ENOTCAPABLE', why: rights },
    { functions: ['fd_allocate'], when: 'the length is 0', instead: 'SUCCESS', why: 'uvwasi has nothing to do then' },
    { functions: ['fd_fdstat_set_flags'], when: 'on a directory', instead: 'SUCCESS', why: 'uvwasi takes it' },
    { functions: ['fd_fdstat_set_flags'], when: 'makes a file append', why: 'uvwasi forgets an open file\'s flags' },
    { functions: ['fd_filestat_set_times'], when: 'sets both times', why: 'uvwasi keeps whole seconds' },
    { functions: ['fd_readdir'], when: 'begins with the directory and its parent', why: 'uvwasi leaves both out' },
    { functions: ['path_open'], when: 'a link is there and it must be new', instead: 'SUCCESS', why: 'uvwasi follows the link first' },
    { functions: ['path_open'], when: 'a link is not to be followed', instead: 'SUCCESS', why: 'uvwasi follows it all the same' },
    { functions: ['path_readlink'], when: 'cuts what the buffer does not hold', why: 'uvwasi answers ENOBUFS' },
    { functions: ['path_link'], when: 'the link is to be followed', instead: 'SUCCESS', why: 'uvwasi follows it' },
  ],
  wasmer: [
    { functions: ['path_symlink'], answers: 'EROFS', instead: 'EPERM', why: noLinks },
    { functions: ['fd_pread'], when: 'the offset is beyond every file', instead: 'EIO', why: loose },
    { functions: ['fd_seek', 'fd_tell', 'fd_advise', 'fd_fdstat_set_flags'], when: 'on a directory', instead: 'SUCCESS', why: loose },
    { functions: ['fd_seek'], when: 'it would end before the start', instead: 'SUCCESS', why: loose },
    { functions: ['fd_advise'], when: 'the length is beyond every file', instead: 'SUCCESS', why: loose },
    { functions: ['fd_fdstat_set_rights'], when: 'more than it has is asked for', instead: 'SUCCESS', why: loose },
    { functions: ['fd_fdstat_set_rights'], when: 'gives rights up, which are refused from then on', why: 'Wasmer answers EACCES' },
    { functions: ['fd_fdstat_get'], when: 'tells what a file is, its flags and rights', why: 'Wasmer gives every right' },
    { functions: ['fd_filestat_get'], when: 'tells what the host knows of a file', why: copies },
    { functions: ['fd_filestat_set_size'], when: 'on a directory', instead: 'EINVAL', why: 'the mount is read-only' },
    { functions: ['fd_readdir'], when: 'lists every entry with its type', why: copies },
    { functions: ['path_open'], when: 'the path leaves a directory that the guest opened', instead: 'SUCCESS', why: 'Wasmer ends a path at the mount' },
    { functions: ['path_open', 'path_filestat_get'], when: 'a link leads to itself', instead: 'ENOENT', why: copies },
    { functions: ['path_open'], when: 'a link is not to be followed', instead: 'SUCCESS', why: copies },
    { functions: ['path_open'], when: /FIFO/, instead: 'ENOENT', why: copies },
    { functions: ['path_open'], when: 'a name is longer than NAME_MAX', instead: 'ENOENT', why: copies },
    { functions: ['path_open'], when: 'never leads out by a link, whoever made it', why: copies },
    { functions: ['path_filestat_get'], when: /^tells /, why: copies },
    { functions: ['path_readlink'], answers: 'SUCCESS', why: copies },
    { functions: ['path_readlink'], when: 'the buffer lies beyond the memory', instead: 'EINVAL', why: copies },
  ],
};

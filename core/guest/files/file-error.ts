/**
 * A refusal of the guest's file system or of its sockets. `code` is an errno's name as Node's own system errors carry it (`ENOENT`), so that
 * a runtime maps both with one table. `ENOTCAPABLE` is WASI's: the path leaves what the guest may reach.
 */
export class FileError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.name = 'FileError';
    this.code = code;
  }
}

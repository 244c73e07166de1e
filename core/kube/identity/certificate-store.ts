/** Certificates on disk, in the kubelet's own form: `kubelet-client-<time>.pem` with `…-current.pem` pointing at the newest. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../api/clock.ts';
import { createKey } from './x509.ts';
import type { CertificatePair } from './x509.ts';

export interface CertificateStore {
  /** Undefined: there is none. */
  load(): Promise<CertificatePair | undefined>;
  save(pair: CertificatePair): Promise<void>;
  /** The key of a request that is not answered yet; made when there is none. It outlives a restart, and with it the request's name. */
  pendingKey(): Promise<string>;
  /** The request was denied: the next one must not be the same. */
  dropPendingKey(): Promise<void>;
}

/** Certificate and key in one file, the newest behind a link; `name` is `kubelet-client` or `kubelet-server`. */
export class LinkedPemStore implements CertificateStore {
  readonly current: string;
  readonly #directory: string;
  readonly #name: string;
  readonly #clock: Clock;

  constructor(directory: string, name: string, clock: Clock) {
    this.#directory = directory;
    this.#name = name;
    this.#clock = clock;
    this.current = join(directory, `${name}-current.pem`);
  }

  async load(): Promise<CertificatePair | undefined> {
    const text = await readOptional(this.current);
    if (text === undefined) return undefined;
    const blocks = text.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? [];
    const cert = blocks.filter((block) => block.includes('BEGIN CERTIFICATE'));
    const key = blocks.find((block) => block.includes('PRIVATE KEY'));
    return cert.length === 0 || key === undefined ? undefined : { cert: `${cert.join('\n')}\n`, key: `${key}\n` };
  }

  async save({ cert, key }: CertificatePair): Promise<void> {
    const time = new Date(this.#clock.now()).toISOString().slice(0, 19).replace(/[T:]/g, '-');
    const file = `${this.#name}-${time}.pem`;
    await writePrivately(join(this.#directory, file), `${cert.trim()}\n${key.trim()}\n`);
    const link = `${this.current}.${randomBytes(4).toString('hex')}`;
    await symlink(file, link);
    await rename(link, this.current);
    await this.dropPendingKey();
  }

  async pendingKey(): Promise<string> {
    const existing = await readOptional(this.#pendingPath);
    if (existing !== undefined) return existing;
    const key = createKey();
    await writePrivately(this.#pendingPath, key);
    return key;
  }

  async dropPendingKey(): Promise<void> {
    await rm(this.#pendingPath, { force: true });
  }

  get #pendingPath(): string {
    return join(this.#directory, `${this.#name}.key.tmp`);
  }
}

/** `kubelet.crt` and `kubelet.key`: what a kubelet signs for itself. */
export class SelfSignedStore implements CertificateStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async load(): Promise<CertificatePair | undefined> {
    const [cert, key] = await Promise.all([readOptional(join(this.#directory, 'kubelet.crt')), readOptional(join(this.#directory, 'kubelet.key'))]);
    return cert === undefined || key === undefined ? undefined : { cert, key };
  }

  async save({ cert, key }: CertificatePair): Promise<void> {
    await writePrivately(join(this.#directory, 'kubelet.key'), key);
    await writePrivately(join(this.#directory, 'kubelet.crt'), cert, 0o644);
  }

  async pendingKey(): Promise<string> {
    return createKey();
  }

  async dropPendingKey(): Promise<void> {
    // Nothing waits for an answer.
  }
}

/** Written beside and renamed: a reader never sees half a key, and nobody else sees any. */
export async function writePrivately(path: string, text: string, mode = 0o600): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await stagePrivately(path, text, mode);
  await file.publish();
}

/** A file that is there whole, under another name. One of both is to be called. */
export interface StagedFile {
  publish(): Promise<void>;
  discard(): Promise<void>;
}

/** The first half of `writePrivately`, for whoever has something to do only when nothing keeps the file from being written. Its directory must be there. */
export async function stagePrivately(path: string, text: string, mode = 0o600): Promise<StagedFile> {
  // A rename would take the place of a device (/dev/stdout, /dev/null) for the whole machine.
  const found = await stat(path).catch(absent);
  if (found?.isFile() === false) throw new Error(`${path} is there already, and no regular file`);
  const temporary = `${path}.${randomBytes(4).toString('hex')}`;
  const discard = (): Promise<void> => rm(temporary, { force: true });
  try {
    await writeFile(temporary, text, { mode, flag: 'wx' });
  } catch (error) {
    await discard();
    throw error;
  }
  return { publish: () => rename(temporary, path), discard };
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
  return undefined;
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

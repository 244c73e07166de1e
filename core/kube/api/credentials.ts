/** What proves who we are, kept fresh: token files, certificate files and credential plugins change under a running node. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock } from '../../api/clock.ts';
import { WasmletError, messageOf } from '../../api/errors.ts';
import { runExecPlugin } from './exec-credential.ts';
import type { ExecCredential } from './exec-credential.ts';
import type { ClusterAccess, Material } from './kubeconfig.ts';

export interface TLSMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface Credential {
  readonly tls: TLSMaterial;
  /** Value of the Authorization header. */
  readonly authorization?: string;
  /** Differs when `tls` differs: connections made with another one must not be used any more. */
  readonly generation: string;
}

/** How long files are trusted without a look. client-go waits a minute for tokens; a rotated certificate should be used sooner. */
const fileAge = 10_000;
/** A credential plugin's answer is renewed this long before it expires. */
const expiryMargin = 10_000;

export class Credentials {
  readonly #access: ClusterAccess;
  readonly #clock: Clock;
  readonly #environment: NodeJS.ProcessEnv;
  #known: { readonly credential: Credential; readonly until: number } | undefined;
  #plugin: ExecCredential | undefined;
  #reading: Promise<Credential> | undefined;

  /** `environment` is inherited by credential plugins. */
  constructor(access: ClusterAccess, clock: Clock, environment: NodeJS.ProcessEnv) {
    this.#access = access;
    this.#clock = clock;
    this.#environment = environment;
  }

  /** Throws KUBECONFIG_INVALID when a file cannot be read or a plugin fails; the next call tries again. */
  async current(): Promise<Credential> {
    if (this.#known !== undefined && this.#clock.monotonic() < this.#known.until) return this.#known.credential;
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  /** Forgets what is cached: the API server said 401, or a certificate was just written. */
  invalidate(): void {
    this.#known = undefined;
    this.#plugin = undefined;
  }

  async #read(): Promise<Credential> {
    const access = this.#access;
    const ca = text(access.ca);
    const plugin = await this.#runPlugin(ca);
    const tls: TLSMaterial = withoutUndefined({
      ca,
      cert: plugin?.certificate ?? text(access.certificate),
      key: plugin?.key ?? text(access.key),
    });
    const authorization = this.#authorization(plugin);
    const generation = createHash('sha256').update(JSON.stringify([tls.ca, tls.cert, tls.key])).digest('hex');
    const credential: Credential = { tls, generation, ...(authorization === undefined ? {} : { authorization }) };
    this.#known = { credential, until: this.#clock.monotonic() + fileAge };
    return credential;
  }

  #authorization(plugin: ExecCredential | undefined): string | undefined {
    const { tokenFile, token, username, password } = this.#access;
    // The file goes before the inline token (client-go), since only the file is renewed.
    const bearer = plugin?.token ?? (tokenFile === undefined ? token : text({ file: tokenFile })?.trim());
    if (bearer !== undefined) return `Bearer ${bearer}`;
    return username === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
  }

  async #runPlugin(ca: string | undefined): Promise<ExecCredential | undefined> {
    if (this.#access.exec === undefined) return undefined;
    if (this.#plugin === undefined || (this.#plugin.expiresAt ?? Infinity) - expiryMargin <= this.#clock.now()) {
      this.#plugin = await runExecPlugin(this.#access.exec, this.#access, ca, this.#environment);
    }
    return this.#plugin;
  }
}

function text(material: Material | undefined): string | undefined {
  if (material === undefined) return undefined;
  if ('data' in material) return material.data;
  try {
    // In place: a call waits for it, every ten seconds another one.
    return readFileSync(material.file, 'utf8');
  } catch (cause) {
    throw new WasmletError('KUBECONFIG_INVALID', `cannot read ${material.file}: ${messageOf(cause)}`, { cause });
  }
}

function withoutUndefined<T extends object>(fields: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { ReviewClient, User } from '../kube/kube.ts';
import { requestAttributes } from './request-attributes.ts';

/** Whoever may read the local credential: root, or the user that runs the node. */
export const localUser: User = { name: 'wasmlet:local', groups: [] };

export interface AuthenticatorOptions {
  readonly nodeName: string;
  readonly reviews: ReviewClient;
  /** 256 random bits, in the file that only the node's user can read. */
  readonly localToken: string;
  /** Whether clients' certificates are checked at all; without an authority, Node would trust the public ones. */
  readonly hasClientCA: () => boolean;
}

export type Verdict = { readonly allowed: true } | { readonly allowed: false; readonly status: 403 | 500; readonly text: string };

/** Who asks, and whether he may (contract §6.1; pkg/kubelet/server/auth.go and server.go InstallAuthFilter). */
export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Undefined: nobody we know. */
  async authenticate(request: IncomingMessage): Promise<User | undefined> {
    const socket = request.socket as TLSSocket;
    // `authorized` is OpenSSL's verdict on chain, dates and purpose against the client CA.
    if (this.#options.hasClientCA() && socket.authorized) {
      const user = userOfCertificate(socket.getPeerCertificate());
      if (user) return user;
    }
    const token = bearerToken(request.headers.authorization);
    if (token === undefined) return undefined;
    return sameSecret(token, this.#options.localToken) ? localUser : this.#options.reviews.authenticate(token);
  }

  async authorize(user: User, method: string, path: string): Promise<Verdict> {
    if (user === localUser) return { allowed: true };
    const wanted = requestAttributes(method, path, this.#options.nodeName);
    const described = `(user=${user.name}, verb=${wanted[0]!.verb}, resource=nodes, subresource(s)=[${wanted.map(({ subresource }) => subresource).join(' ')}])`;
    for (const attributes of wanted) {
      try {
        if ((await this.#options.reviews.authorize(user, attributes)).allowed) return { allowed: true };
      } catch {
        return { allowed: false, status: 500, text: `Authorization error ${described}` };
      }
    }
    return { allowed: false, status: 403, text: `Forbidden ${described}` };
  }
}

/** Kubernetes' reading of a client certificate: user = last common name, groups = organizations. */
function userOfCertificate({ subject }: PeerCertificate): User | undefined {
  const name = values(subject?.CN).at(-1);
  return name ? { name, groups: values(subject.O) } : undefined;
}

/** A field that stands more than once arrives as an array, which the types do not say. */
function values(field: string | string[] | undefined): string[] {
  return field === undefined ? [] : [field].flat();
}

function bearerToken(header: string | undefined): string | undefined {
  return /^bearer +(\S+)$/i.exec(header?.trim() ?? '')?.[1];
}

/** In constant time, whatever the lengths. */
function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

import type { Body } from './body.ts';
import type { ErrorCode } from './error-code.ts';
import { isToken } from './field-list.ts';
import type { FieldList } from './field-list.ts';

/** Of WIT's `method` and `scheme`, which differ in nothing between 0.2 and 0.3. */
export type WitMethod = { readonly tag: 'get' | 'head' | 'post' | 'put' | 'delete' | 'connect' | 'options' | 'trace' | 'patch' } | { readonly tag: 'other'; readonly val: string };
export type WitScheme = { readonly tag: 'HTTP' | 'HTTPS' } | { readonly tag: 'other'; readonly val: string };

/** A request's parts in front of its body. */
export interface RequestHead {
  readonly method: WitMethod;
  readonly scheme: WitScheme | undefined;
  readonly authority: string | undefined;
  /** Undefined: an empty path and query. */
  readonly pathWithQuery: string | undefined;
  readonly fields: FieldList;
}

/** One that has come in. */
export interface IncomingRequest extends RequestHead {
  readonly body: Body;
}

/** In nanoseconds; undefined: the host's. */
export interface RequestTimeouts {
  readonly connect: bigint | undefined;
  readonly firstByte: bigint | undefined;
  readonly betweenBytes: bigint | undefined;
}

/** One that is to be sent. Without a body nothing but the head is sent. */
export interface OutgoingRequest extends RequestHead {
  readonly body: Body | undefined;
  readonly timeouts?: RequestTimeouts;
}

export interface HttpResponse {
  readonly status: number;
  readonly fields: FieldList;
  readonly body: Body;
}

/**
 * What the front server calls for each request. `respond` is called once, at the latest before the promise settles, with
 * the answer or the reason why there is none; the body may go on after it. A rejection is the handler's end (a trap).
 */
export type HttpHandler = (request: IncomingRequest, respond: (response: HttpResponse | ErrorCode) => void) => Promise<void>;

const known = ['get', 'head', 'post', 'put', 'delete', 'connect', 'options', 'trace', 'patch'] as const;

/** From the request line. Methods are case-sensitive (RFC 9110 §9.1). */
export function methodFrom(text: string): WitMethod {
  const tag = known.find((name) => name.toUpperCase() === text);
  return tag === undefined ? { tag: 'other', val: text } : { tag };
}

export function methodText(method: WitMethod): string {
  return method.tag === 'other' ? method.val : method.tag.toUpperCase();
}

/** The method as it is kept; undefined when it is no token. */
export function checkedMethod(method: WitMethod): WitMethod | undefined {
  if (method.tag !== 'other') return { tag: method.tag };
  return isToken(method.val) ? methodFrom(method.val) : undefined;
}

/** RFC 3986 §3.1; undefined when it is none. */
export function checkedScheme(scheme: WitScheme): WitScheme | undefined {
  if (scheme.tag !== 'other') return { tag: scheme.tag };
  if (!/^[A-Za-z][A-Za-z0-9+.-]*$/.test(scheme.val)) return undefined;
  const upper = scheme.val.toUpperCase();
  return upper === 'HTTP' || upper === 'HTTPS' ? { tag: upper } : { tag: 'other', val: scheme.val };
}

/** A path and query (RFC 3986 §3.3, §3.4), more freely than the RFC: what is not ASCII is encoded when it is sent. Nothing that would end a request line. */
export function isPathWithQuery(text: string): boolean {
  return !/[\0-\x20\x7f<>`"#]/.test(text) && URL.canParse(text, 'http://host');
}

/** `host`, `host:port`, `[v6]:port`: RFC 3986 §3.2 with user information, which is refused when it is sent. */
export function isAuthority(text: string): boolean {
  if (text === '' || /[\s/?#\\]/.test(text) || !/^[\x21-\x7e]+$/.test(text)) return false;
  const port = /:(\d*)$/.exec(text.replace(/^.*\]/, ''));
  return (port === null || Number(port[1]) <= 65_535) && URL.canParse(`http://${text}`);
}

/** What a status code may be. */
export function isStatus(code: number): boolean {
  return Number.isInteger(code) && code >= 100 && code <= 599;
}

import { STATUS_CODES } from 'node:http';
import type { ErrorCode } from '../../../core/api/errors.ts';

/** What a registry's answer other than success means (distribution-spec, "Error codes"). `credentials`: some were sent. */
export function statusFailure(status: number, body: Uint8Array | undefined, what: string, credentials: boolean): { readonly code: ErrorCode; readonly cause: string } {
  const said = explanation(body);
  const answer = `${status} ${STATUS_CODES[status] ?? ''}`.trim() + (said === '' ? '' : `: ${said}`);
  if (status === 401) {
    const cause = credentials ? 'the credentials were refused, or are not enough' : 'it wants credentials, and none are for it (imagePullSecrets; for the command line, docker login)';
    return { code: 'IMAGE_UNAUTHORIZED', cause: `${what}: ${cause} (${answer})` };
  }
  if (status === 403) return { code: 'IMAGE_FORBIDDEN', cause: `${what}: access is denied (${answer})` };
  if (status === 404) return { code: 'IMAGE_NOT_FOUND', cause: `${what}: not found (${answer})` };
  if (status === 429 || status >= 500) return { code: 'REGISTRY_UNAVAILABLE', cause: `${what}: the registry answered ${answer}` };
  return { code: 'REGISTRY_REFUSED', cause: `${what}: the registry answered ${answer}` };
}

/** What the body says, in one short line without control characters. */
function explanation(body: Uint8Array | undefined): string {
  if (body === undefined) return '';
  const text = new TextDecoder().decode(body);
  if (/^\s*</.test(text)) return 'an HTML page';
  let said = text;
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: unknown; message?: unknown }[] };
    if (Array.isArray(errors)) said = errors.map((error) => [error.code, error.message].filter((part) => typeof part === 'string' && part !== '').join(': ')).join('; ');
  } catch {
    // Not the error document of the specification: the text as it is.
  }
  return said.replaceAll(/[\x00-\x1f\x7f-\x9f]+/g, ' ').trim().slice(0, 250);
}

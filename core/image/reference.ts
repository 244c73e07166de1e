import { WasmletError } from '../api/errors.ts';
import type { ImageReference } from '../api/image.ts';

const defaultRegistry = 'docker.io';
const pathComponent = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const hostLabel = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;
const tagSyntax = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const longestName = 255;

/**
 * `[registry/]repository[:tag][@digest]` with Docker's defaults (github.com/distribution/reference, ParseNormalizedNamed):
 * no registry is `docker.io`, one word there is in `library/`, neither tag nor digest is `latest`.
 * @throws WasmletError `IMAGE_NAME_INVALID`, naming what is wrong.
 */
export function parseReference(text: string): ImageReference {
  const fail = (what: string): never => {
    throw new WasmletError('IMAGE_NAME_INVALID', `couldn't parse image name ${JSON.stringify(text.slice(0, 300))}: ${what}`);
  };
  if (text === '') fail('it is empty');
  if (/[^\x21-\x7e]/.test(text)) fail('it has a blank or a character outside ASCII');
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) fail('a reference has no scheme: leave out everything up to //');

  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  if (digest !== undefined && !isDigest(digest)) fail(`the digest ${JSON.stringify(digest)} is not sha256: and 64 lower-case hexadecimal digits`);

  const colon = named.lastIndexOf(':');
  const tag = colon > named.lastIndexOf('/') ? named.slice(colon + 1) : undefined;
  const name = tag === undefined ? named : named.slice(0, colon);
  if (tag !== undefined && !tagSyntax.test(tag)) fail(`the tag ${JSON.stringify(tag)} is not 1 to 128 letters, digits, '_', '.' or '-', beginning with a letter, a digit or '_'`);
  if (name === '') fail('the repository is missing');
  if (/^[0-9a-f]{64}$/.test(name)) fail('64 hexadecimal digits are an image id, not a name');

  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasRegistry = /[.:]/.test(first) || first === 'localhost';
  const registry = hasRegistry ? normalizeRegistry(first) : defaultRegistry;
  if (hasRegistry) checkHost(first, fail);

  const path = hasRegistry ? name.slice(slash + 1) : name;
  if (path === '') fail('the repository is missing');
  for (const component of path.split('/')) {
    if (component === '') fail('the repository has an empty part between slashes');
    if (component !== component.toLowerCase()) fail(`the repository must be lower case: ${JSON.stringify(component)}`);
    if (!pathComponent.test(component)) fail(`${JSON.stringify(component)} in the repository is not letters and digits joined by '.', '_', '__' or '-'`);
  }
  const repository = registry === defaultRegistry && !path.includes('/') ? `library/${path}` : path;
  if (registry.length + 1 + repository.length > longestName) fail(`registry and repository are longer than ${longestName} characters`);
  return {
    registry,
    repository,
    ...(tag === undefined && digest === undefined ? { tag: 'latest' } : {}),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The one spelling of a reference: `parseReference(formatReference(r))` is `r`. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

export function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

function normalizeRegistry(host: string): string {
  const lower = host.toLowerCase();
  return lower === 'index.docker.io' ? defaultRegistry : lower;
}

function checkHost(text: string, fail: (what: string) => never): void {
  const parts = /^(\[[0-9a-fA-F:.]+\]|[^:]+)(?::(.*))?$/.exec(text);
  if (parts === null) return fail(`the registry ${JSON.stringify(text)} is not host[:port]`);
  const [, host = '', port] = parts;
  if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)) fail(`the registry's port ${JSON.stringify(port)} is not a number from 1 to 65535`);
  if (host.startsWith('[')) {
    if (!URL.canParse(`http://${host}/`)) fail(`the registry ${JSON.stringify(host)} is not an IPv6 address`);
  } else if (!host.split('.').every((label) => hostLabel.test(label))) {
    fail(`the registry ${JSON.stringify(host)} is not a host name`);
  } else if (!URL.canParse(`http://${host}/`)) {
    // All digits and dots, but no address: 1.2.3.999.
    fail(`the registry ${JSON.stringify(host)} is not an address`);
  }
}

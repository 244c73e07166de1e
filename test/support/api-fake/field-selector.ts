import type { StoredObject } from './object-store.ts';
import { badRequest } from './status-error.ts';

const supported: Readonly<Record<string, (object: StoredObject) => unknown>> = {
  'metadata.name': ({ metadata }) => metadata.name,
  'metadata.namespace': ({ metadata }) => metadata.namespace,
  'spec.nodeName': (object) => object['spec']?.nodeName ?? '',
  'status.phase': (object) => object['status']?.phase ?? '',
};

/** `a=b,c=d` as a map; 400 for a field that no index knows. */
export function parseFieldSelector(text: string | null): ReadonlyMap<string, string> {
  const terms = (text ?? '').split(',').filter((term) => term !== '');
  return new Map(terms.map((term) => {
    const [, field = '', value = ''] = /^([^=]+)==?(.*)$/.exec(term) ?? [];
    if (!(field in supported)) throw badRequest(`field label not supported: ${field || term}`);
    return [field, value];
  }));
}

export function matches(selector: ReadonlyMap<string, string>, object: StoredObject | undefined): boolean {
  return object !== undefined && [...selector].every(([field, value]) => supported[field]!(object) === value);
}

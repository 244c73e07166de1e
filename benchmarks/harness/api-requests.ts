import type { ApiClient } from '../../test/cluster/api-client.ts';

/** Requests that the API server has answered, by `<verb> <resource>[/<subresource>]`. */
export type ApiRequests = ReadonlyMap<string, number>;

/** Reads the API server's own count; watches are counted when they end. */
export async function countApiRequests(client: ApiClient): Promise<ApiRequests> {
  const text = (await client.request('GET', '/metrics')) as string;
  const counts = new Map<string, number>();
  for (const [, labels, value] of text.matchAll(/^apiserver_request_total\{(.*)\} (\S+)$/gm)) {
    const label = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels!)?.[1] ?? '';
    const subresource = label('subresource');
    const key = `${label('verb')} ${label('resource')}${subresource === '' ? '' : `/${subresource}`}`;
    counts.set(key, (counts.get(key) ?? 0) + Number(value));
  }
  return counts;
}

/** What was answered in between. */
export function requestsBetween(before: ApiRequests, after: ApiRequests): ApiRequests {
  return new Map([...after].map(([key, count]) => [key, count - (before.get(key) ?? 0)] as const).filter(([, count]) => count > 0));
}

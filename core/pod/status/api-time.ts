/** A time as the API stores it: RFC 3339, UTC, whole seconds. */
export function apiTime(milliseconds: number): string {
  return new Date(Math.floor(milliseconds / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}

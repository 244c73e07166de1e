const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

/** A duration in milliseconds as kubectl prints it (k8s.io/apimachinery duration.HumanDuration): 5s, 3m20s, 47m, 5h12m, 3d4h, 2y. */
export function humanDuration(milliseconds: number): string {
  const of = (unit: number) => Math.floor(milliseconds / unit);
  const both = (large: number, largeName: string, small: number, smallName: string) => {
    const rest = Math.floor((milliseconds % large) / small);
    return `${of(large)}${largeName}${rest === 0 ? '' : `${rest}${smallName}`}`;
  };
  if (milliseconds < 0) return '0s';
  if (milliseconds < 2 * minute) return `${of(second)}s`;
  if (milliseconds < 10 * minute) return both(minute, 'm', second, 's');
  if (milliseconds < 3 * hour) return `${of(minute)}m`;
  if (milliseconds < 8 * hour) return both(hour, 'h', minute, 'm');
  if (milliseconds < 2 * day) return `${of(hour)}h`;
  if (milliseconds < 8 * day) return both(day, 'd', hour, 'h');
  if (milliseconds < 2 * year) return `${of(day)}d`;
  if (milliseconds < 8 * year) return both(year, 'y', day, 'd');
  return `${of(year)}y`;
}

/** How long ago an RFC 3339 time was; `<unknown>` without one. */
export function age(time: string | undefined, now: number): string {
  return time === undefined ? '<unknown>' : humanDuration(now - Date.parse(time));
}

/**
 * The part of semver ranges that manifests use for WIT worlds: `*`, an exact version, `^`, `~`, and alternatives by `||`.
 * Written here because this room takes no packages. An unreadable range matches nothing.
 */
export function versionMatches(range: string, version: string): boolean {
  const found = parse(version);
  return found !== undefined && range.split('||').some((alternative) => matchesOne(alternative.trim(), found));
}

interface Version {
  readonly numbers: readonly [number, number, number];
  /** `-rc-2026-01-01` and the like; such a version is matched exactly only. */
  readonly prerelease: string;
}

function parse(text: string): Version | undefined {
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/.exec(text);
  return match ? { numbers: [Number(match[1]), Number(match[2]), Number(match[3])], prerelease: match[4] ?? '' } : undefined;
}

function matchesOne(range: string, { numbers, prerelease }: Version): boolean {
  if (range === '*' || range === '') return prerelease === '';
  const operator = range[0] === '^' || range[0] === '~' ? range[0] : '';
  const base = parse(range.slice(operator.length));
  if (base === undefined) return false;
  if (prerelease !== '' || base.prerelease !== '' || operator === '') {
    return base.prerelease === prerelease && compare(base.numbers, numbers) === 0;
  }
  if (compare(numbers, base.numbers) < 0) return false;
  // `^` keeps the left-most part that is not zero, `~` the minor version (node-semver).
  const firstSet = base.numbers.findIndex((part) => part > 0);
  const fixed = operator === '~' ? 2 : firstSet < 0 ? 3 : firstSet + 1;
  return base.numbers.slice(0, fixed).every((part, index) => part === numbers[index]);
}

function compare(left: readonly number[], right: readonly number[]): number {
  for (const [index, part] of left.entries()) {
    const other = right[index] ?? 0;
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
}

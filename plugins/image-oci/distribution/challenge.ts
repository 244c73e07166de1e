/** One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1). Scheme and parameter names are in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const token = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";
const schemeSyntax = new RegExp(`(${token})(?:\\s+|(?=,)|$)`, 'y');
const parameterSyntax = new RegExp(`(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]*))\\s*(?:,\\s*|$)`, 'y');

/** Reads as far as the header makes sense; what follows is left out. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const take = (syntax: RegExp): RegExpExecArray | null => {
    syntax.lastIndex = at;
    const match = syntax.exec(header);
    if (match !== null) at = syntax.lastIndex;
    return match;
  };
  for (;;) {
    while (header[at] === ',' || header[at] === ' ') at += 1;
    const scheme = take(schemeSyntax)?.[1];
    if (scheme === undefined) return challenges;
    const parameters: Record<string, string> = Object.create(null) as Record<string, string>;
    for (let match = take(parameterSyntax); match !== null; match = take(parameterSyntax)) {
      parameters[match[1]!.toLowerCase()] ??= match[2]?.replaceAll(/\\(.)/g, '$1') ?? match[3] ?? '';
    }
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
  }
}

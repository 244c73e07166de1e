/** What can go wrong between a node and its API server, on demand. */
import type { StatusError } from './status-error.ts';

export interface RequestMatch {
  readonly method?: string;
  /** Against the path without query. */
  readonly path?: RegExp;
}

export type Fault =
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** Answered with this status; nothing is done. */
  | { readonly kind: 'refuse'; readonly error: StatusError }
  /** The connection is cut; nothing is done. */
  | { readonly kind: 'drop' }
  /** Done, but the connection is cut before the answer. */
  | { readonly kind: 'lose-answer' }
  /** Never answered. */
  | { readonly kind: 'hang' };

interface Rule {
  readonly match: RequestMatch;
  readonly fault: Fault;
  left: number;
}

export class Faults {
  #rules: Rule[] = [];

  /** The next `times` requests that match. Returns what takes the rule away. */
  add(match: RequestMatch, fault: Fault, times = 1): () => void {
    const rule = { match, fault, left: times };
    this.#rules.push(rule);
    return () => {
      this.#rules = this.#rules.filter((candidate) => candidate !== rule);
    };
  }

  take(method: string, path: string): Fault | undefined {
    const rule = this.#rules.find(({ match, left }) => left > 0 && (match.method ?? method) === method && (match.path?.test(path) ?? true));
    if (rule === undefined) return undefined;
    rule.left--;
    return rule.fault;
  }
}

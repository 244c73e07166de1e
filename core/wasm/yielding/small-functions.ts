/** Of a module's functions. */
export interface FunctionCount {
  readonly all: number;
  /** Whose bodies are below `smallFunctionBytes`. */
  readonly small: number;
}

/** What V8 14 takes for a small function. */
export const smallFunctionBytes = 50;
/** From which share of small functions on V8 inlines more, and from which on no more than that (observed, V8 14.6). */
const [leastShare, mostShare] = [0.25, 0.5];

/**
 * How many empty functions a module needs so that V8 inlines into it as before. V8 takes a small share of small functions as
 * a sign that the compiler has inlined already, and then hardly does. Checks make functions longer: a recursive one that
 * lost its inlining so ran at half its speed.
 */
export function fillersFor(before: FunctionCount, after: FunctionCount): number {
  const share = Math.min(before.small / before.all, mostShare);
  if (!(share > leastShare)) return 0;
  return Math.max(0, Math.ceil((share * after.all - after.small) / (1 - share)));
}

/** A function of another preview-1 implementation. */
export type NativeFunction = (...args: unknown[]) => number;

/** node:wasi refuses a call with more arguments than it expects, and our imports hand on as many as there can be. */
export function withExactArguments(act: NativeFunction): NativeFunction {
  switch (act.length) {
    case 0: return () => act();
    case 1: return (a) => act(a);
    case 2: return (a, b) => act(a, b);
    case 3: return (a, b, c) => act(a, b, c);
    case 4: return (a, b, c, d) => act(a, b, c, d);
    case 5: return (a, b, c, d, e) => act(a, b, c, d, e);
    default: return (...args) => act(...args.slice(0, act.length));
  }
}

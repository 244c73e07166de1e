/**
 * `npm run test:soak` runs tests in their long form: more rounds, larger numbers. Without it each takes seconds.
 */
const soaking = process.env['WASMLET_SOAK'] === '1';

/** `long` in a soak, else `short`. */
export function inSoak<T>(long: T, short: T): T {
  return soaking ? long : short;
}

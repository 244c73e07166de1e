/** JSON of a shape that the test knows and the compiler does not. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyJson = any;

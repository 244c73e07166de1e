/**
 * Loads a part of Node that announces itself as experimental on stderr, which is the user's stream. Only what is warned of
 * during the call is left out.
 */
export function withoutWarnings<Result>(load: () => Result): Result {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => {};
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}

const gap = '   ';

/** Columns as wide as their widest cell, kubectl's look; ends with a newline. Numbers of cells may differ. */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headers, ...rows].map((row) => row.map(printable));
  const widths = headers.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(gap).trimEnd()}\n`).join('');
}

/** What comes from pods is shown, never obeyed: control characters could rewrite the terminal. */
export function printable(text: string): string {
  return text.replace(/\r?\n/g, ' ').replace(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`);
}

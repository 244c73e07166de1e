/** One record of a CRI log file: `<RFC3339Nano> stdout|stderr F|P <text>`. */
export interface LogRecord {
  /** As it stands in the file. */
  readonly timestamp: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The line goes on in the next record. */
  readonly partial: boolean;
  readonly text: Buffer;
}

const space = 0x20;
/** Ends long before any text begins, so that a line is never decoded as a whole: it may be no UTF-8. */
const header = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})) (?:stdout|stderr) ([FP])(?::\S*)?$/;

/** Undefined for what is no record (a torn write, another program's line): readers skip it. `line` comes without its newline. */
export function parseLogLine(line: Buffer): LogRecord | undefined {
  let end = -1;
  for (let field = 0; field < 3; field++) {
    end = line.indexOf(space, end + 1);
    if (end < 0) return undefined;
  }
  const match = header.exec(line.toString('latin1', 0, end));
  const time = Date.parse(match?.[1] ?? '');
  if (!match || Number.isNaN(time)) return undefined;
  return { timestamp: match[1]!, time, partial: match[2] === 'P', text: line.subarray(end + 1) };
}

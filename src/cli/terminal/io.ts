/** Where a command prints: results to stdout, everything else to stderr. */
export interface Io {
  /** A result, printed as it is. */
  out(text: string): void;
  /** A word to the person: warnings, plans, errors. */
  err(text: string): void;
  /** Columns of the terminal that stdout is; absent where it is a pipe or a file, and tables are TSV. */
  readonly columns?: number;
  /** True where both streams are terminals that move their cursor: progress bars. */
  readonly interactive: boolean;
  /** False under NO_COLOR, TERM=dumb and in pipes. */
  readonly color: boolean;
}

/** What this needs of a stream of the process. */
interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const USUAL_COLUMNS = 80;

/** The process's own streams, or those given, under the rules of the environment. */
export function processIo(
  stdout: Stream = process.stdout,
  stderr: Stream = process.stderr,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Io {
  const terminal = Boolean(stdout.isTTY);
  const capable = environment.TERM !== 'dumb';
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    ...(terminal ? { columns: Math.max(USUAL_COLUMNS, stdout.columns || 0) } : {}),
    interactive: terminal && Boolean(stderr.isTTY) && capable,
    color: terminal && capable && !environment.NO_COLOR,
  };
}

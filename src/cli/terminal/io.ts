/** Where a command prints: results to stdout, everything else to stderr. */
export interface Io {
  /** A result, printed as it is. */
  out(text: string): void;
  /** A word to the person: warnings, plans, errors. */
  err(text: string): void;
  /** True where a person watches (both streams are terminals): tables and progress bars. */
  readonly interactive: boolean;
  /** False under NO_COLOR and in pipes. */
  readonly color: boolean;
}

/** The process's own streams. */
export function processIo(): Io {
  const interactive = Boolean(process.stdout.isTTY && process.stderr.isTTY);
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive,
    color: interactive && !process.env.NO_COLOR,
  };
}

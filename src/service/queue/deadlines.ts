/** How long children may take. */
export interface Deadlines {
  /** Seconds for the check of a file, beside those for its size (see {@link checkLimit}). */
  readonly check: number;
  /** Seconds for the activations of one request. */
  readonly activation: number;
}

export const usualDeadlines: Deadlines = { check: 60, activation: 600 };

/** Bytes of a file for which its check gets another second: it is read, unpacked and written. */
const BYTES_A_SECOND = 2 ** 22;

/** Seconds that the check of a file of a size may take, and the option that says so. */
export const checkLimit = ({ check }: Pick<Deadlines, 'check'>, size: number) => ({
  seconds: check + Math.floor(size / BYTES_A_SECOND),
  option: '--check-seconds',
});

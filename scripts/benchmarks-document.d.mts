/** What the document says of a benchmark. */
export interface ListedBenchmark {
  readonly id: string;
  readonly kind: string;
  readonly metric: string;
  readonly data: string;
  readonly checks: readonly string[];
  /** Why nothing is published. */
  readonly why: string | null;
}

export function benchmarksDocument(
  listed: readonly ListedBenchmark[],
  registered: {
    readonly source: string;
    readonly identifiers: readonly string[];
    readonly called: Readonly<Record<string, string>>;
    readonly absent: Readonly<Record<string, string>>;
    readonly unseen: Readonly<Record<string, string>>;
  },
): string;

import words from './metric-words.json';

/** A metric in words, and how raw value and ceiling become the score; generated from the table of metrics. */
export interface MetricWords {
  readonly name: string;
  readonly words: string;
  /** The un-ceiled value. */
  readonly raw: string;
  /** What it compares: recordings, choices of a read-out, labels of the network's own head. */
  readonly kind: string;
  readonly formula:
    | 'squared'
    | 'ratio'
    | 'ratio-squared'
    | 'root'
    | 'clipped'
    | 'above-chance'
    | 'raw';
}

/** A metric by the name that benchmark files give it. */
export const metricWords = (name: string): MetricWords =>
  (words as Readonly<Record<string, MetricWords>>)[name] ?? {
    name,
    words: '',
    kind: '',
    raw: 'raw',
    formula: 'raw',
  };

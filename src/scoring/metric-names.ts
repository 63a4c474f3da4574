/** Options of a metric in a benchmark file, with the reference's defaults (spec §1.5, §1.10, §4.4). */
export interface MetricOptions {
  /** PLS components. */
  readonly components?: number;
  /** Ridge penalty. */
  readonly alpha?: number;
  /** Random halves of the trials. */
  readonly repetitions?: number;
  /** Seed of the halves. */
  readonly seed?: number;
  /** Leaves cells out that are NaN on the model's side, in the ceiling. */
  readonly skipna?: boolean;
}

/** What a metric compares with, and the options that it knows. */
export interface MetricShape {
  /** `recordings` for neural metrics, `trials` for behavioural ones. */
  readonly compares: 'recordings' | 'trials';
  /** Whether a read-out is fitted first, on `fitting_stimuli`. */
  readonly fits: boolean;
  readonly defaults: MetricOptions;
}

const neural = (defaults: MetricOptions = {}): MetricShape => ({
  compares: 'recordings',
  fits: false,
  defaults,
});
const readOut: MetricShape = {
  compares: 'trials',
  fits: true,
  defaults: { repetitions: 2, seed: 0, skipna: false },
};
const label: MetricShape = { compares: 'trials', fits: false, defaults: {} };

/** Every `metric.name` of a benchmark file (design §4). */
export const metricShapes = {
  pls: neural({ components: 25 }),
  linear: neural(),
  ridge: neural({ alpha: 1 }),
  ridgecv: neural(),
  'dual-ridge': neural({ alpha: 1 }),
  'dual-ridgecv': neural(),
  'neuron-to-neuron': neural(),
  'reverse-pls': neural({ components: 25 }),
  rdm: neural(),
  'rdm-cv': neural(),
  cka: neural(),
  'cka-cv': neural(),
  i1: readOut,
  i1n: readOut,
  i2: readOut,
  i2n: readOut,
  o1: readOut,
  o2: readOut,
  'error-consistency': label,
  accuracy: label,
} as const satisfies Record<string, MetricShape>;

/** A metric that a benchmark file may name. */
export type MetricName = keyof typeof metricShapes;

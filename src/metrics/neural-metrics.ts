import { cka, ckaCv, ckaCvOfGram, ckaOfGram } from './cka.js';
import { linear, linearOfGram } from './linear.js';
import type { CrossValidation, MetricResult, Source, Target } from './metric.js';
import { neuronToNeuron } from './neuron-to-neuron.js';
import { type GramSource, pls, plsOfGram } from './pls.js';
import { rdm, rdmCv } from './rdm.js';
import { reversePls } from './reverse-pls.js';
import { ridge, ridgeCv, ridgeCvOfGram, ridgeOfGram } from './ridge.js';

/** What a benchmark file may set of a neural metric. */
export interface NeuralMetricOptions {
  readonly components?: number;
  readonly alpha?: number;
  readonly crossValidation: CrossValidation;
}

/** A metric between features and recordings. */
export interface NeuralMetric {
  /** Raised whenever a number changes on equal inputs. */
  readonly version: number;
  /** Whether the result has a value for each neuroid of the recordings. */
  readonly perNeuroid: boolean;
  run(source: Source, target: Target, options: NeuralMetricOptions): Promise<MetricResult>;
  /** The same from the Gram matrix of a layer that is wider than there are stimuli. */
  ofGram?(source: GramSource, target: Target, options: NeuralMetricOptions): Promise<MetricResult>;
}

/** Neural metrics by the name that benchmark files give them: one line each. */
export const neuralMetrics: Readonly<Record<string, NeuralMetric>> = {
  pls: { version: 1, perNeuroid: true, run: pls, ofGram: plsOfGram },
  linear: { version: 1, perNeuroid: true, run: linear, ofGram: linearOfGram },
  ridge: { version: 1, perNeuroid: true, run: ridge, ofGram: ridgeOfGram },
  ridgecv: { version: 1, perNeuroid: true, run: ridgeCv, ofGram: ridgeCvOfGram },
  'dual-ridge': { version: 1, perNeuroid: true, run: ridge, ofGram: ridgeOfGram },
  'dual-ridgecv': {
    version: 1,

    perNeuroid: true,
    run: ridgeCv,
    ofGram: ridgeCvOfGram,
  },
  'neuron-to-neuron': { version: 1, perNeuroid: true, run: neuronToNeuron },
  rdm: { version: 1, perNeuroid: false, run: rdm },
  'rdm-cv': { version: 1, perNeuroid: false, run: rdmCv },
  cka: { version: 1, perNeuroid: false, run: cka, ofGram: ckaOfGram },
  'cka-cv': { version: 1, perNeuroid: false, run: ckaCv, ofGram: ckaCvOfGram },
  'reverse-pls': { version: 1, perNeuroid: false, run: reversePls },
};

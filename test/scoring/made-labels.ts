import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeZip } from '../../src/formats/zip.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import type { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { madeNetwork, madeStimuli, plainCard } from '../activations/made-networks.js';

/** Labels among those that the table of ImageNet knows. */
export const LABELS = ['bear', 'bottle', 'dog', 'truck'];
export const PICTURES = 24;
const SIDE = 24;
const SUBJECTS = ['ann', 'bob', 'cyd', 'dan'];

/** What a label task is to be like. */
export interface MadeLabels {
  readonly metric: 'error-consistency' | 'accuracy';
  readonly labels?: readonly string[];
  /** Lines more for the benchmark file. */
  readonly more?: readonly string[];
  /** Share of trials in which an observer is wrong. */
  readonly mistakes?: number;
  /** Rows of the stimuli that the file lists; all by default. */
  readonly rows?: readonly number[];
}

/** The condition in which an image was shown: the first half easy, the second hard. */
export const conditionOf = (row: number) => (row < PICTURES / 2 ? 'easy' : 'hard');
export const truthOf = (row: number, labels: readonly string[] = LABELS) =>
  labels[row % labels.length];

/** Writes a label task of 24 small images and 4 observers, in one flat folder. Gives its YAML file. */
export async function madeLabels(folder: string, task: MadeLabels): Promise<string> {
  const {
    metric,
    labels = LABELS,
    more = [],
    mistakes = 0.3,
    rows = Array.from({ length: PICTURES }, (_, i) => i),
  } = task;
  mkdirSync(folder, { recursive: true });
  const stimuli = await madeStimuli(PICTURES, SIDE);
  const pictures = rows.map(async (row) => ({
    name: stimuli.filename(row),
    data: await stimuli.read(row),
    compress: false,
  }));
  await writeZip(join(folder, 'pictures.zip'), await Promise.all(pictures));
  const listed = rows.map((row) => `${stimuli.ids[row]},${stimuli.filename(row)}`);
  writeFileSync(join(folder, 'stimuli.csv'), ['stimulus_id,filename', ...listed, ''].join('\n'));
  const draws = new RandomState(9).randomSample(SUBJECTS.length * PICTURES);
  const trials = SUBJECTS.flatMap((subject, k) =>
    rows.map((row) => {
      const wrong = draws[k * PICTURES + row] < mistakes;
      const [truth, choice] = [row, row + Number(wrong)].map((place) => truthOf(place, labels));
      return [stimuli.ids[row], subject, truth, choice, conditionOf(row)].join();
    }),
  );
  const header = 'stimulus_id,subject,truth,choice,condition';
  writeFileSync(join(folder, 'trials.csv'), [header, ...trials, ''].join('\n'));
  const lines = [
    `identifier: made-${metric}`,
    'version: 1',
    'visual_degrees: none',
    'stimuli: { csv: stimuli.csv, images: pictures.zip }',
    'trials: trials.csv',
    `metric: { name: ${metric} }`,
    ...more,
    '',
  ];
  writeFileSync(join(folder, 'benchmark.yaml'), lines.join('\n'));
  return join(folder, 'benchmark.yaml');
}

/** The made network with a head of so many outputs, `logits`, spread enough to name every label at times. */
export function networkWithHead(outputs: number): GraphBuilder {
  const graph = madeNetwork();
  graph.node('Flatten', ['relu'], { outputs: ['flat'] });
  const random = new RandomState(4);
  const units = 4 * (SIDE / 2) ** 2;
  const weights = Float32Array.from(random.standardNormal(units * outputs), (w) => w / 1000);
  graph.initializer('head.weight', [units, outputs], weights);
  graph.node('MatMul', ['flat', 'head.weight'], { outputs: ['logits'] });
  graph.output('logits', 'float32', ['N', outputs]);
  return graph;
}

/** The card of that network. */
export const cardWithHead = (classes: 'imagenet-1k' | readonly string[]) => ({
  ...plainCard(),
  name: 'headed',
  logits: { layer: 'logits', classes },
});

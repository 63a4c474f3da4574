import type { ComponentChildren } from 'preact';
import type { Schemas } from '../../client/client.js';
import { value } from '../../parts/format.js';
import { Scroll } from '../../parts/scroll.js';
import { type MetricWords, metricWords } from '../../parts/words/metric-words.js';
import { Term } from '../../parts/words/term.js';

type Data = Schemas['BenchmarkData'];
interface Published {
  readonly value: number;
  readonly tolerance: number;
  readonly source: string;
}

/** Metric, splits, ceiling and how they become a score; benchmarks of one file share all but the ceiling. */
export function Measured({ items }: { readonly items: readonly Data[] }) {
  const [{ metric, crossValidation, ceiling, fixedSets }] = items;
  const words = metricWords(metric.name);
  const ceiled = ceiling.name !== 'none' && words.formula !== 'raw';
  return (
    <>
      <p>
        <strong>{words.name}</strong> (<code>{metric.name}</code>
        {optionsOf(metric)}). {words.words}
      </p>
      <p class="formula">
        <Formula kind={ceiled ? formulaOf(metric, words) : 'raw'} />
      </p>
      <p class="quiet">
        <Term of="raw">raw</Term> = {words.raw}.
      </p>
      <h3>
        <Term of="splits">Splits</Term>
      </h3>
      <p>
        {fixedSets?.stimuli ? fixedOf(fixedSets, metric.name) : splitsOf(crossValidation, words)}
      </p>
      {fixedSets && <p>{apartOf(fixedSets)}</p>}
      <h3>
        <Term of="ceiling">Ceiling</Term>
      </h3>
      <p>{ceilingOf(ceiling.name, words)}</p>
      <CeilingTable items={items} />
    </>
  );
}

/** What an option makes of the metric's own formula. */
function formulaOf({ pooled, normalisation }: Data['metric'], { formula }: MetricWords) {
  if (pooled) return 'ratio';
  return normalisation === 'ratio-squared' ? normalisation : formula;
}

const optionsOf = ({ name: _name, ...options }: Data['metric']) =>
  Object.entries(options)
    .map(
      ([name, of]) =>
        `, ${name} ${of instanceof Object ? `${Object.keys(of).length} values` : String(of)}`,
    )
    .join('');

function splitsOf(
  { splits, seed, trainSize, testSize, stratifyOn, groupBy }: Data['crossValidation'],
  { formula, kind }: MetricWords,
): string {
  if (formula === 'root' || kind === 'search' || kind === 'threshold')
    return 'None; the read-out is fitted on separate stimuli.';
  if (kind === 'properties') return 'Stimuli are not split; units are sampled.';
  if (kind === 'choices') return 'None.';
  if (kind === 'label' || kind === 'triplets' || kind === 'factors') return 'None.';
  if (groupBy !== undefined)
    return `${splits} folds of whole groups (column ${groupBy}): no group is in both training and test, so near-identical stimuli cannot predict each other.`;
  const share = (of: number) => `${Math.round(100 * of)} %`;
  const size =
    trainSize !== undefined
      ? `${share(trainSize)} of the stimuli for training`
      : `${share(testSize ?? 0.1)} of the stimuli for testing`;
  const strata = stratifyOn === undefined ? '' : `, stratified by ${stratifyOn}`;
  return `${splits} random splits, ${size}${strata}, seed ${seed}, identical to numpy’s legacy generator. Splits are by position in the averaged recordings.`;
}

type FixedSets = NonNullable<Data['fixedSets']>;

/** Stimuli that a file divides. */
function fixedOf({ stimuli, columns }: FixedSets, metric: string): string {
  if (/^(rdm|cka)/.test(metric)) return 'None; training and test stimuli are compared together.';
  if (stimuli === 'train')
    return 'Fixed: fitted on the training stimuli, tested on the test stimuli.';
  return columns.length > 1
    ? `${columns.length} folds given in a table (${columns.join(', ')}); the value is their mean.`
    : `Fixed: a table assigns stimuli to training or test (${columns.join()}).`;
}

/** What is measured apart, and which neuroids count. */
function apartOf({ per, keep }: FixedSets): string {
  const kept = Object.entries(keep).map(([name, least]) => `${name} above ${least}`);
  return [
    ...(per === null ? [] : [`Each ${per} is measured separately; the value is their mean.`]),
    ...(kept.length === 0 ? [] : [`Only neuroids with ${kept.join(' and ')} are used.`]),
  ].join(' ');
}

const CEILINGS: Readonly<Record<Data['ceiling']['name'], string>> = {
  'internal-consistency':
    'Correlation of each neuroid between random halves of the repetitions, Spearman–Brown corrected (2r / (1 + r)); median over neuroids, mean over halves.',
  'predictor-consistency':
    'Correlation of each neuroid over images between halves of the repetitions, drawn for each image, Spearman–Brown corrected; median over neuroids, mean over draws.',
  neuroid: 'A published value for each neuroid; median or mean over neuroids.',
  'nili-upper':
    'Similarity of each subject to the mean of all subjects, including itself (Nili et al. 2014); mean over subjects. A model exceeds it only by chance.',
  'leave-one-out':
    'Similarity of each subject to the mean of the others; mean over subjects. A model can exceed it.',
  'between-subjects':
    'Similarity between two subjects; mean over all pairs. A model can exceed it.',
  metric:
    'The same metric between halves of the human trials, or between people; computed with each score.',
  none: 'None; the score is the raw value.',
  fixed: 'A value given in the benchmark file.',
};

const ceilingOf = (name: Data['ceiling']['name'], { kind }: MetricWords) =>
  name === 'metric' && kind === 'properties'
    ? 'Samples of the recorded neurons are compared with all of them, in place of the units.'
    : CEILINGS[name];

function CeilingTable({ items }: { readonly items: readonly Data[] }) {
  const rows = items.flatMap((item) => {
    const here = item.measuredCeiling;
    const published = item.published?.ceiling as Published | undefined;
    return here || published ? [{ id: item.id, here, published }] : [];
  });
  if (rows.length === 0) return null;
  return (
    <Scroll label="Ceilings">
      <table class="ceilings">
        <thead>
          <tr>
            <th scope="col">Benchmark</th>
            <th scope="col" class="number">
              Measured here
            </th>
            <th scope="col" class="number">
              Error
            </th>
            <th scope="col">Split halves</th>
            <th scope="col">Published</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ id, here, published }) => (
            <tr key={id}>
              <th scope="row">
                <bdi>{id}</bdi>
              </th>
              {here && 'value' in here ? (
                <>
                  <td class="number">{value(here.value)}</td>
                  <td class="number">{value(here.error)}</td>
                  <td>{here.splits.map(value).join(', ') || '–'}</td>
                </>
              ) : (
                <td colSpan={3} class="quiet">
                  {here ? 'the recordings are not installed' : '–'}
                </td>
              )}
              <td>
                {published
                  ? `${published.value} ± ${published.tolerance} (${published.source})`
                  : '–'}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** How raw value and ceiling become the score, in MathML. */
function Formula({ kind }: { readonly kind: MetricWords['formula'] }) {
  return (
    <math display="block">
      <mtext>score</mtext>
      <mo>=</mo>
      {FORMULAS[kind]}
    </math>
  );
}

const FORMULAS: Readonly<Record<MetricWords['formula'], ComponentChildren>> = {
  raw: <mtext>raw</mtext>,
  ratio: (
    <mfrac>
      <mtext>raw</mtext>
      <mtext>ceiling</mtext>
    </mfrac>
  ),
  'ratio-squared': (
    <msup>
      <mrow>
        <mo>(</mo>
        <mfrac>
          <mtext>raw</mtext>
          <mtext>ceiling</mtext>
        </mfrac>
        <mo>)</mo>
      </mrow>
      <mn>2</mn>
    </msup>
  ),
  squared: (
    <mfrac>
      <msup>
        <mtext>raw</mtext>
        <mn>2</mn>
      </msup>
      <mtext>ceiling</mtext>
    </mfrac>
  ),
  root: (
    <>
      <mtext>{'mean over halves of\u00a0'}</mtext>
      <mfrac>
        <mtext>raw</mtext>
        <msqrt>
          <mtext>ceiling</mtext>
        </msqrt>
      </mfrac>
    </>
  ),
  clipped: (
    <>
      <mtext>min</mtext>
      <mo>(</mo>
      <mn>1</mn>
      <mo>,</mo>
      <mfrac>
        <mrow>
          <mo>|</mo>
          <mtext>raw</mtext>
          <mo>|</mo>
        </mrow>
        <mtext>ceiling</mtext>
      </mfrac>
      <mo>)</mo>
    </>
  ),
  'above-chance': (
    <>
      <mfrac>
        <mtext>raw − chance</mtext>
        <mtext>ceiling − chance</mtext>
      </mfrac>
      <mtext>{'\u00a0, from 0 to 1'}</mtext>
    </>
  ),
};

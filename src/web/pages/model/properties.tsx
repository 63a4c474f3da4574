import { useMemo } from 'preact/hooks';
import { scoresFigure } from '../../../figure/scores-figure.js';
import type { Schemas } from '../../client/client.js';
import { Chart } from '../../parts/charts/chart.js';
import { figureItems } from '../../parts/charts/save-figure.js';
import { SpokenIntervals } from '../../parts/charts/spoken-intervals.js';
import { ExportMenu } from '../../parts/export-menu.js';
import { interval, value } from '../../parts/format.js';
import { Scroll } from '../../parts/scroll.js';
import type { ModelScores } from './use-scores.js';

type Distribution = Schemas['ScoreDistribution'];
type PropertyScore = Schemas['Score'] & { readonly distribution: Distribution };

/** The distribution of each single-neuron property in the model, over the published one. */
export function Properties({ scores: { present } }: { readonly scores: ModelScores }) {
  const measured = present.flatMap(({ score }) => (hasDistribution(score) ? [score] : []));
  if (measured.length === 0) return null;
  return (
    <>
      <h3 id="properties">Single-neuron properties, in full</h3>
      <p class="quiet">
        Grey: recorded neurons. Blue line: units of the layer whose receptive field is at the
        stimulus. Bars are shares of those that have the property.
      </p>
      <ExportMenu of="the properties" items={figureItems(() => scoresFigure(measured))} />
      <SpokenIntervals scores={measured} />
      <div class="properties">
        {measured.map((score) => (
          <Property key={score.benchmark} score={score} />
        ))}
      </div>
    </>
  );
}

const hasDistribution = (score: Schemas['Score']): score is PropertyScore =>
  score.distribution !== undefined;

function Property({ score }: { readonly score: PropertyScore }) {
  const { benchmark, distribution, raw, ceiling } = score;
  const figure = useMemo(() => scoresFigure([score]), [score]);
  const { neurons, units, bins } = distribution;
  return (
    <section>
      <Chart title={`${nameOf(distribution)} (${benchmark})`} figure={figure}>
        <Scroll label={nameOf(distribution)}>
          <table>
            <thead>
              <tr>
                <th scope="col">{axisOf(distribution)}</th>
                <th scope="col" class="number">
                  Neurons
                </th>
                <th scope="col" class="number">
                  Units
                </th>
              </tr>
            </thead>
            <tbody>
              {neurons.counts.map((count, bin) => (
                <tr key={bins[bin]}>
                  <th scope="row">
                    {edge(bins[bin])} to {edge(bins[bin + 1])}
                  </th>
                  <td class="number">{count}</td>
                  <td class="number">{units.counts[bin]}</td>
                </tr>
              ))}
              <tr>
                <th scope="row">none</th>
                <td class="number">{neurons.without_value}</td>
                <td class="number">{units.without_value}</td>
              </tr>
            </tbody>
          </table>
        </Scroll>
      </Chart>
      <p class="quiet">
        Similarity {value(raw.value)} ± {value(raw.error)}, ceiling {value(ceiling?.value)}: score{' '}
        <strong>{value(score.value)}</strong> {interval(score.ci)}. {total(neurons)} neurons,{' '}
        {neurons.without_value} without the property; {units.at_stimulus} of the layer’s{' '}
        {units.of_layer.toLocaleString()} units are at the stimulus, {total(units)} measured,{' '}
        {units.without_value} without the property.
      </p>
    </section>
  );
}

const nameOf = ({ property }: Distribution) => {
  const words = property.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};
const axisOf = (distribution: Distribution) =>
  distribution.unit ? `${nameOf(distribution)}, ${distribution.unit}` : nameOf(distribution);
const edge = (of: number) => String(Number(of.toPrecision(3)));
const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
const total = ({ counts, without_value }: Distribution['neurons']) => sum(counts) + without_value;

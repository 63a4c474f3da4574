import { useMemo } from 'preact/hooks';
import { type SplitsToDraw, splitsFigure } from '../../../figure/splits-figure.js';
import { Chart } from '../../parts/charts/chart.js';
import { value } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { Scroll } from '../../parts/scroll.js';
import { type Neuroids, useNeuroids } from './neuroids.js';
import type { ModelScores, ScoreOfJob } from './use-scores.js';

/** Raw values of the present scores split by split, and neuroid by neuroid, with the band of the ceiling. */
export function Distributions({ scores }: { readonly scores: ModelScores }) {
  const { data: neuroids = [], error } = useNeuroids(scores);
  return (
    <>
      {error && <Problem error={error} />}
      {[false, true].map((simulated) => (
        <OfKind key={String(simulated)} {...{ scores, neuroids, simulated }} />
      ))}
    </>
  );
}

interface OfKindProps {
  readonly scores: ModelScores;
  readonly neuroids: readonly Neuroids[];
  readonly simulated: boolean;
}

function OfKind({ scores: { present }, neuroids, simulated }: OfKindProps) {
  const splits = useMemo(
    () =>
      present
        .filter(({ score }) => score.simulated === simulated && score.raw.splits.length > 0)
        .map(bySplit),
    [present, simulated],
  );
  const each = useMemo(
    () => neuroids.filter((one) => one.simulated === simulated),
    [neuroids, simulated],
  );
  const kind = simulated ? 'Simulated' : 'Recorded';
  return (
    <>
      <Strips title={`${kind}, split by split`} of="split" strips={splits} simulated={simulated} />
      <Strips
        title={`${kind}, neuroid by neuroid`}
        of="neuroid"
        strips={each}
        simulated={simulated}
      />
    </>
  );
}

function bySplit({ score: { benchmark, raw, ceiling } }: ScoreOfJob): SplitsToDraw {
  return {
    benchmark,
    names: raw.splits.map((_, i) => String(i + 1)),
    raw: raw.splits,
    mean: raw.value,
    ceiling: ceiling?.splits ?? [],
    ceilingMean: ceiling?.value ?? null,
    band: [0, 1],
  };
}

interface StripsProps {
  readonly title: string;
  readonly of: 'split' | 'neuroid';
  readonly strips: readonly SplitsToDraw[];
  readonly simulated: boolean;
}

function Strips({ title, of, strips, simulated }: StripsProps) {
  const figure = useMemo(
    () => splitsFigure(title, strips, of, simulated),
    [title, strips, of, simulated],
  );
  if (strips.length === 0) return null;
  return (
    <Chart title={title} figure={figure}>
      <Scroll label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col">Benchmark</th>
              <th scope="col">{of === 'split' ? 'Split' : 'Neuroid'}</th>
              <th scope="col" class="number">
                Raw
              </th>
              <th scope="col" class="number">
                Ceiling
              </th>
            </tr>
          </thead>
          <tbody>
            {strips.flatMap(({ benchmark, names, raw, ceiling }) =>
              names.map((name, i) => (
                <tr key={`${benchmark} ${name}`}>
                  <td>
                    <bdi>{benchmark}</bdi>
                  </td>
                  <td>
                    <bdi>{name}</bdi>
                  </td>
                  <td class="number">{value(raw[i])}</td>
                  <td class="number">{value(ceiling[i])}</td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </Scroll>
    </Chart>
  );
}

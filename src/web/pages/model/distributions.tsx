import type { PlotOptions } from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { Chart, type Plot } from '../../parts/charts/chart.js';
import { value } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { Scroll } from '../../parts/scroll.js';
import { type Neuroids, type Strip, useNeuroids } from './neuroids.js';
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
      <Strips title={`${kind}, split by split`} of="split" strips={splits} />
      <Strips title={`${kind}, neuroid by neuroid`} of="neuroid" strips={each} />
    </>
  );
}

function bySplit({ score: { benchmark, raw, ceiling } }: ScoreOfJob): Strip {
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
  readonly of: string;
  readonly strips: readonly Strip[];
}

function Strips({ title, of, strips }: StripsProps) {
  const options = useMemo(() => (plot: Plot) => drawing(plot, strips, of), [strips, of]);
  if (strips.length === 0) return null;
  return (
    <Chart title={title} options={options}>
      <Scroll label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col">Benchmark</th>
              <th scope="col">{of}</th>
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

const BLUE = '#4292c6';
const GREY = '#8a95a3';
const finite = (values: readonly (number | null)[]) => values.filter((each) => each !== null);

function drawing(plot: Plot, strips: readonly Strip[], of: string): PlotOptions {
  const points = strips.flatMap(({ benchmark, names, raw }) =>
    raw.flatMap((each, i) => (each === null ? [] : [{ benchmark, name: names[i], value: each }])),
  );
  const bands = strips.flatMap(({ benchmark, ceiling, ceilingMean, band }) => {
    const known = finite(ceiling.length > 0 ? ceiling : [ceilingMean]).sort((a, b) => a - b);
    const [low, high] = band.map((share) => known[Math.round(share * (known.length - 1))]);
    return known.length === 0 ? [] : [{ benchmark, low, high, mean: ceilingMean }];
  });
  return {
    height: 40 + 52 * strips.length,
    marginLeft: 10,
    marginTop: 15,
    x: {
      label: `raw value (dots), ceiling (grey: ${of === 'split' ? 'all splits' : 'middle half of neuroids'})`,
      grid: true,
      nice: true,
      zero: true,
    },
    y: { domain: strips.map(({ benchmark }) => benchmark), axis: null, padding: 0.45 },
    marks: [
      plot.ruleX([0], { strokeOpacity: 0.4 }),
      plot.barX(bands, { y: 'benchmark', x1: 'low', x2: 'high', fill: GREY, fillOpacity: 0.35 }),
      plot.tickX(
        bands.filter(({ mean }) => mean !== null),
        { y: 'benchmark', x: 'mean', stroke: GREY, strokeWidth: 2 },
      ),
      plot.dot(points, {
        y: 'benchmark',
        x: 'value',
        fill: BLUE,
        fillOpacity: 0.6,
        r: 3,
        title: (point) => `${of} ${point.name}: ${value(point.value)}`,
      }),
      plot.tickX(
        strips.filter(({ mean }) => mean !== null),
        { y: 'benchmark', x: 'mean', stroke: 'currentColor', strokeWidth: 2 },
      ),
      plot.text(strips, {
        y: 'benchmark',
        text: 'benchmark',
        frameAnchor: 'left',
        textAnchor: 'start',
        dy: -21,
        fontSize: 11,
      }),
    ],
  };
}

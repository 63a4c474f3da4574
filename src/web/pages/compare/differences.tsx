import { useMemo } from 'preact/hooks';
import { pageOf } from '../../parts/board-column.js';
import { Chart } from '../../parts/charts/chart.js';
import { figureItems } from '../../parts/charts/save-figure.js';
import { Swatch, shortened } from '../../parts/charts/series.js';
import { SpokenIntervals } from '../../parts/charts/spoken-intervals.js';
import { csvText } from '../../parts/csv.js';
import { ExportMenu } from '../../parts/export-menu.js';
import { interval, value } from '../../parts/format.js';
import { OriginChip, WeightsChip } from '../../parts/provenance.js';
import type { ChangeQuery } from '../../parts/query.js';
import { saveFile } from '../../parts/save.js';
import { BROUGHT } from '../../parts/score-words.js';
import { Scroll } from '../../parts/scroll.js';
import { Term } from '../../parts/words/term.js';
import {
  type ChosenModel,
  type ComparedBoard,
  type ComparedRow,
  type Difference,
  type Estimate,
  isDifferent,
} from './board.js';
import { comparedFigure, forestFigure } from './figures.js';

interface DifferencesProps {
  readonly board: ComparedBoard;
  readonly rows: readonly ComparedRow[];
  readonly onlyDifferent: boolean;
  readonly change: ChangeQuery;
}

/** How far each model is from the reference, average by average and benchmark by benchmark. */
export function Differences(props: DifferencesProps) {
  const { board, rows, onlyDifferent, change } = props;
  const shown = useMemo(
    () => (onlyDifferent ? rows.filter(isDifferent) : rows),
    [rows, onlyDifferent],
  );
  const { chosen, reference } = board;
  const figure = useMemo(() => forestFigure(shown, board), [shown, board]);
  const from = chosen[reference];
  return (
    <section>
      <h2>
        Differences from <bdi>{from.name}</bdi>
      </h2>
      {rows.length === 0 ? (
        <p class="notice">None of these models has a score on these benchmarks.</p>
      ) : (
        <>
          <div class="controls">
            <label class="inline">
              <input
                type="checkbox"
                checked={onlyDifferent}
                onChange={({ currentTarget }) =>
                  change({ differing: currentTarget.checked ? '1' : null })
                }
              />
              Show only rows that differ
            </label>
            <span class="quiet" role="status">
              {shown.length} of {rows.length} rows
            </span>
          </div>
          <p class="quiet">
            Both models are compared on the same resampled images and{' '}
            <Term of="neuroid">neuroids</Term>, as in <code>ventral compare</code>. Scores without
            stored resamples are compared as if their errors were independent and marked “not
            paired”; score them again for a paired interval. Each{' '}
            <Term of="interval">interval</Term> applies to one pair and one row, without correction
            for multiple comparisons.
          </p>
          <SpokenIntervals scores={spoken(shown)} />
          {shown.some(({ differences }) => differences.some(Boolean)) ? (
            <Chart title="Differences" figure={figure}>
              <p>The table below has the values.</p>
            </Chart>
          ) : (
            shown.length > 0 && <p class="notice">These models have no benchmark in common.</p>
          )}
          <DifferenceTable rows={shown} chosen={chosen} reference={reference} />
          <ExportMenu
            of="the comparison"
            items={[
              {
                label: 'CSV',
                save: () => saveFile('comparison.csv', csv(shown, props), 'text/csv'),
              },
              {
                label: 'JSON',
                save: () => saveFile('comparison.json', json(shown, props), 'application/json'),
              },
              ...figureItems(() => comparedFigure(shown, chosen, board.simulated)),
            ]}
          />
        </>
      )}
    </section>
  );
}

interface DifferenceTableProps {
  readonly rows: readonly ComparedRow[];
  readonly chosen: readonly ChosenModel[];
  readonly reference: number;
}

function DifferenceTable({ rows, chosen, reference }: DifferenceTableProps) {
  const any = (mark: 'selection' | 'brought') =>
    rows.some(({ estimates }) => estimates.some((each) => each?.[mark]));
  return (
    <Scroll label="Differences by benchmark">
      <table class="differences">
        <caption>
          Averages come before the scores they average. ▲ higher, ▼ lower than the reference, = not
          distinguishable
          {any('selection') && (
            <>
              ; † the layer was chosen on stimuli of this benchmark, a{' '}
              <Term of="selection">selection</Term>
            </>
          )}
          {any('brought') && `; ‡ ${BROUGHT}`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Benchmark</th>
            {chosen.map(({ id, name, weights }, i) => (
              <th scope="col" key={id} title={name}>
                <Swatch place={i} /> <bdi class="model-name">{shortened(name)}</bdi>
                <WeightsChip weights={weights} />
                {i === reference && <small>reference</small>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ column, title, depth, estimates, differences }) => (
            <tr key={column.id}>
              <th scope="row" class={`depth-${Math.min(depth, 5)}`}>
                {column.kind === 'benchmark' ? (
                  <>
                    <a href={pageOf(column)}>
                      <bdi>{title}</bdi>
                    </a>
                    <OriginChip origin={column.origin} />
                  </>
                ) : (
                  title
                )}
              </th>
              {estimates.map((estimate, i) => (
                <td key={chosen[i].id}>
                  <EstimateText estimate={estimate} />
                  {i !== reference && <DifferenceText difference={differences[i]} />}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function EstimateText({ estimate }: { readonly estimate: Estimate | undefined }) {
  return (
    <span class="estimate" title={estimate?.ci ? `95 % interval ${interval(estimate.ci)}` : ''}>
      {value(estimate?.value)}
      {estimate?.selection && '†'}
      {estimate?.brought && '‡'}
      {estimate?.of && (
        <small>
          {' '}
          {estimate.of.n} of {estimate.of.m}
        </small>
      )}
    </span>
  );
}

function DifferenceText({ difference }: { readonly difference: Difference | undefined }) {
  if (!difference) return <span class="difference none">not comparable: a score is missing</span>;
  const { apart, ci, value: by } = difference;
  const kind = apart === null ? 'unknown' : !apart ? 'same' : by > 0 ? 'higher' : 'lower';
  return (
    <span class={`difference ${kind}`}>
      <span aria-hidden="true">{SIGNS[kind]} </span>
      <span class="unseen">{WORDS[kind]}: </span>
      {signed(by)} {ci ? interval(ci) : 'without an interval'}
      {ci && !difference.paired && <small title={difference.reason}> not paired</small>}
      {difference.p !== null && (
        <small title={mcNemarWords(difference)}> {pWords(difference.p)}</small>
      )}
    </span>
  );
}

const pWords = (p: number) => (p < 0.001 ? 'p < 0.001' : `p = ${value(p)}`);

const mcNemarWords = ({ mcNemar }: Difference) =>
  mcNemar
    ? `McNemar test: ${mcNemar.from} images correct for the reference only, ${mcNemar.to} for this model only, ${pWords(mcNemar.p)}`
    : undefined;

/** What the intervals of each benchmark speak of. */
const spoken = (rows: readonly ComparedRow[]) =>
  rows.flatMap(({ column, differences }) => {
    const generalises = differences.find((each) => each?.generalises)?.generalises;
    return column.kind === 'benchmark' ? [{ benchmark: column.benchmark, generalises }] : [];
  });

const SIGNS = { unknown: '?', same: '=', higher: '▲', lower: '▼' };
const WORDS = {
  unknown: 'without an interval',
  same: 'not distinguishable',
  higher: 'higher',
  lower: 'lower',
};

const signed = (number: number) => `${number > 0 ? '+' : ''}${value(number)}`;

const columnsOfCsv =
  'column kind model name value ci_low ci_high selection brought n m from difference difference_low difference_high different paired p';

function lines(rows: readonly ComparedRow[], { board }: DifferencesProps) {
  const { chosen, reference } = board;
  return rows.flatMap(({ column, estimates, differences }) =>
    chosen.map(({ id, name }, i) => {
      const estimate = estimates[i];
      const difference = differences[i];
      return {
        column: column.id,
        kind: column.kind,
        model: id,
        name,
        value: estimate?.value ?? null,
        ci: estimate?.ci ?? null,
        selection: estimate?.selection ?? null,
        brought: estimate?.brought ?? null,
        n: estimate?.of?.n ?? null,
        m: estimate?.of?.m ?? null,
        from: i === reference ? null : chosen[reference].id,
        difference: difference?.value ?? null,
        differenceCi: difference?.ci ?? null,
        different: difference?.apart ?? null,
        paired: difference?.paired ?? null,
        p: difference?.p ?? null,
        generalises: difference?.generalises ?? null,
        reason: difference?.reason ?? null,
      };
    }),
  );
}

function csv(rows: readonly ComparedRow[], props: DifferencesProps): string {
  const ends = (ci: readonly number[] | null) => [ci?.[0] ?? null, ci?.[1] ?? null];
  return csvText([
    columnsOfCsv.split(' '),
    ...lines(rows, props).map(({ ci, differenceCi, ...line }) => [
      ...[line.column, line.kind, line.model, line.name, line.value, ...ends(ci)],
      ...[line.selection, line.brought, line.n, line.m, line.from, line.difference],
      ...[...ends(differenceCi), line.different, line.paired, line.p],
    ]),
  ]);
}

function json(rows: readonly ComparedRow[], props: DifferencesProps): string {
  const { simulated } = props.board;
  return `${JSON.stringify({ simulated, rows: lines(rows, props) }, null, 2)}\n`;
}

import { useMemo } from 'preact/hooks';
import { answer, client, ProblemError, type Schemas } from '../../client/client.js';
import { type Column, type Item, titleOf } from '../../parts/board-column.js';
import { Chart } from '../../parts/charts/chart.js';
import { csvText } from '../../parts/csv.js';
import { ExportMenu } from '../../parts/export-menu.js';
import { interval, moment, value } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { OriginChip, WeightsChip } from '../../parts/provenance.js';
import type { ChangeQuery } from '../../parts/query.js';
import { saveFile } from '../../parts/save.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';
import { type ComparedBoard, estimateOf } from './board.js';
import { trainingFigure } from './figures.js';

interface SeriesProps {
  readonly board: ComparedBoard;
  readonly query: URLSearchParams;
  readonly change: ChangeQuery;
}

/** A model at one point of a training. */
interface Member {
  readonly epoch: number;
  /** What it is called within its series. */
  readonly name: string;
  /** Undefined if it has no score here. */
  readonly item: Item | undefined;
}

interface Choice {
  /** As the address says it: the id of a training, or what the names have in common. */
  readonly id: string;
  readonly label: string;
}

const regions = ['V1', 'V2', 'V4', 'IT', 'behavior'];

/** A training as curves per region over its epochs: its checkpoints, or models whose names say their epoch. */
export function Series({ board, query, change }: SeriesProps) {
  const named = useMemo(() => seriesByName(board.everybody), [board]);
  const trainings = useResource(
    async (signal) => (await answer(client.GET('/trainings', { signal }))).items,
    [],
  );
  const wanted = query.get('series') ?? '';
  const checkpoints = useResource(
    async (signal) => (wanted.startsWith('job_') ? await checkpointsOf(wanted, signal) : []),
    [wanted],
  );
  const members = useMemo(
    () =>
      wanted.startsWith('job_')
        ? membersOf(checkpoints.data ?? [], board.everybody)
        : (named.get(wanted) ?? []),
    [wanted, named, checkpoints.data],
  );
  const choices = choicesOf(named, trainings.data ?? [], wanted);
  if (choices.length === 0) return null;
  return (
    <section>
      <h2>Over training</h2>
      <div class="controls">
        <label>
          Series
          <select
            value={wanted}
            onChange={({ currentTarget }) => change({ series: currentTarget.value || null })}
          >
            <option value="">none</option>
            {choices.map(({ id, label }) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </select>
        </label>
      </div>
      {checkpoints.error && <Problem error={checkpoints.error} />}
      {wanted !== '' && !checkpoints.loading && !checkpoints.error && (
        <Curves
          {...{ members, training: wanted }}
          columns={board.columns}
          simulated={board.simulated}
        />
      )}
    </section>
  );
}

async function checkpointsOf(job: string, signal: AbortSignal) {
  const path = { job };
  try {
    const { items } = await answer(
      client.GET('/trainings/{job}/checkpoints', { params: { path }, signal }),
    );
    return items;
  } catch (error) {
    if (error instanceof ProblemError && error.problem.status === 404)
      throw new Error('This training does not exist, or you may not see it.');
    throw error;
  }
}

/** `small plain-epoch3`, `run_e12.onnx`: what comes before, and the number. A mere number may be a size. */
const epochInName = /^(.*?)[\s_.-]*(?:epochs?|ep|e|steps?)[-_=. ]*(\d{1,9})(?:\.onnx)?$/i;

function seriesByName(items: readonly Item[]): ReadonlyMap<string, readonly Member[]> {
  const series = new Map<string, Member[]>();
  for (const item of items) {
    const [, stem, epoch] = epochInName.exec(item.name) ?? [];
    if (!stem) continue;
    const members = series.get(stem) ?? [];
    series.set(stem, [...members, { epoch: Number(epoch), name: item.name, item }]);
  }
  return new Map(
    [...series]
      .filter(([, members]) => new Set(members.map(({ epoch }) => epoch)).size > 1)
      .map(([stem, members]) => [stem, members.sort((a, b) => a.epoch - b.epoch)]),
  );
}

/** Epochs counted over the stages of a training; means of epochs are none. */
const membersOf = (
  checkpoints: readonly Schemas['Checkpoint'][],
  items: readonly Item[],
): Member[] =>
  checkpoints
    .filter(({ epoch }) => epoch !== null)
    .map(({ name, digest }, epoch) => ({
      ...{ epoch, name },
      item: items.find((item) => item.digest === digest),
    }));

function choicesOf(
  named: ReadonlyMap<string, readonly Member[]>,
  trainings: readonly Schemas['TrainingListing'][],
  wanted: string,
): Choice[] {
  const choices = [
    ...[...named].map(([id, { length }]) => ({ id, label: `${id} (${length} models)` })),
    ...trainings.map(({ id, name, createdAt }) => ({
      id,
      label: `Training ${name}, ${moment(createdAt)}`,
    })),
  ];
  return wanted === '' || choices.some(({ id }) => id === wanted)
    ? choices
    : [{ id: wanted, label: wanted }, ...choices];
}

interface CurvesProps {
  readonly members: readonly Member[];
  readonly columns: readonly Column[];
  readonly training: string;
  readonly simulated: boolean;
}

function Curves({ members, columns, training, simulated }: CurvesProps) {
  const shown = columns.filter(
    (column) =>
      regions.includes(titleOf(column)) &&
      members.some(({ item }) => estimateOf(item, column)?.value != null),
  );
  const figure = useMemo(
    () => trainingFigure(members, shown, simulated),
    [members, shown.map(({ id }) => id).join(' '), simulated],
  );
  const scored = members.filter(({ item }) => item).length;
  if (members.length === 0) return <p class="notice">No checkpoints of this series.</p>;
  return (
    <>
      <p class="quiet" role="status">
        {scored} of {members.length} checkpoints have scores on these benchmarks
        {scored < members.length && training.startsWith('job_') && (
          <>
            ; add the others on <a href={`/trainings/${training}`}>the training’s page</a>
          </>
        )}
        .
      </p>
      {shown.length > 0 && (
        <Chart title="Regions over training" figure={figure}>
          <SeriesTable members={members} columns={shown} simulated={simulated} />
        </Chart>
      )}
      {shown.length > 0 && (
        <ExportMenu
          of="the series"
          items={[
            {
              label: 'CSV',
              save: () => saveFile('series.csv', seriesCsv(members, shown), 'text/csv'),
            },
          ]}
        />
      )}
    </>
  );
}

interface SeriesTableProps {
  readonly members: readonly Member[];
  readonly columns: readonly Column[];
  readonly simulated: boolean;
}

function SeriesTable({ members, columns, simulated }: SeriesTableProps) {
  return (
    <Scroll label="Regions by epoch">
      <table>
        <thead>
          <tr>
            <th scope="col" class="number">
              Epoch
            </th>
            <th scope="col">Checkpoint</th>
            {columns.map((column) => (
              <th scope="col" key={column.id}>
                {titleOf(column)}
                <OriginChip origin={simulated ? 'simulated' : 'real'} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {members.map(({ epoch, name, item }) => (
            <tr key={name}>
              <td class="number">{epoch}</td>
              <th scope="row">
                <bdi class="model-name">{name}</bdi>
                <WeightsChip weights={item?.weights} />
              </th>
              {columns.map((column) => {
                const estimate = estimateOf(item, column);
                return (
                  <td key={column.id}>
                    {value(estimate?.value)} {interval(estimate?.ci)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const seriesCsv = (members: readonly Member[], columns: readonly Column[]): string =>
  csvText([
    [
      ...['epoch', 'checkpoint', 'model'],
      ...columns.flatMap(({ id }) => [id, `${id} ci_low`, `${id} ci_high`]),
    ],
    ...members.map(({ epoch, name, item }) => [
      ...[epoch, name, item?.model],
      ...columns.flatMap((column) => {
        const estimate = estimateOf(item, column);
        return [estimate?.value, estimate?.ci?.[0], estimate?.ci?.[1]];
      }),
    ]),
  ]);

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { FactName } from '../../../figure/fact-words.js';
import { shadeOf } from '../../../figure/score-shade.js';
import { type Column, type Item, pageOf, titleAmong } from '../../parts/board-column.js';
import { interval, value } from '../../parts/format.js';
import { FeaturesChip, OriginChip, WeightsChip } from '../../parts/provenance.js';
import { BROUGHT, generalisationWords } from '../../parts/score-words.js';
import { FactCells, FactHeads } from './fact-columns.js';
import { type Asked, ScoreDetail } from './score-detail.js';
import type { Board, RowRange } from './use-board.js';
import { UNREAD, useRowWindow } from './use-row-window.js';
import {
  type Change,
  openNodes,
  type ShownColumn,
  shownColumns,
  shownFacts,
  sortOf,
} from './view.js';

/**
 * The table of a leaderboard. Only rows near those that can be seen are in the document; the others are
 * counted for those who read by ear.
 * @param chosen ids of the models chosen to be compared
 * @param reached called with the rows that the reader has reached
 */
export function BoardTable({
  board,
  address,
  change,
  chosen,
  reached,
}: {
  readonly board: Board;
  readonly address: URLSearchParams;
  readonly change: Change;
  readonly chosen: readonly string[];
  readonly reached: (rows: RowRange) => void;
}) {
  const place = useRef<HTMLElement>(null);
  const [asked, setAsked] = useState<Asked>();
  const intervals = address.get('intervals') !== 'hide';
  const columns = useMemo(() => shownColumns(board.columns, address), [board.columns, address]);
  const { first, last, wanted, height } = useRowWindow(
    place,
    board.models,
    `${intervals} ${board.items.length > 0}`,
  );
  useEffect(() => reached({ first, last: wanted }), [first, wanted]);
  useEffect(() => place.current?.scrollTo({ top: 0 }), [board.query]);
  const facts = shownFacts(address);
  const rows = rowsOf(board, first, last);
  const choose = (model: string, wanted: boolean) =>
    change({ pick: wanted ? [...chosen, model] : chosen.filter((one) => one !== model) });
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: without it the keyboard could not scroll (WCAG 2.1.1). */}
      <section class="board-scroll" aria-label="Models and scores" tabIndex={0} ref={place}>
        <table class={`board ${intervals ? '' : 'compact'}`} aria-rowcount={board.models + 1}>
          <caption class="unseen">
            {board.simulated ? 'Simulated' : 'Real'} scores of {board.models} models
          </caption>
          <Head board={board} columns={columns} address={address} change={change} />
          <tbody onKeyDown={moveAmongCells}>
            <Space rows={first} height={height} columns={columns.length + facts.length} />
            {rows.map((item, k) =>
              item ? (
                <Row
                  key={item.model}
                  item={item}
                  board={board}
                  index={first + k}
                  columns={columns}
                  facts={facts}
                  chosen={chosen.includes(item.model)}
                  choose={choose}
                  ask={setAsked}
                />
              ) : (
                <tr key={first + k} aria-rowindex={first + k + 2} class={UNREAD}>
                  <td
                    colSpan={columns.length + facts.length + 2}
                    class="quiet"
                    style={{ height: `${height}px` }}
                  >
                    Loading…
                  </td>
                </tr>
              ),
            )}
            <Space
              rows={board.models - first - rows.length}
              height={height}
              columns={columns.length + facts.length}
            />
          </tbody>
        </table>
      </section>
      {asked && <ScoreDetail asked={asked} close={() => setAsked(undefined)} />}
    </>
  );
}

/** The rows of a window; on paper, where it has no end, those that were read. */
function rowsOf({ items, models }: Board, first: number, last: number): Board['items'] {
  if (last === Number.POSITIVE_INFINITY) return items.filter(Boolean);
  const count = Math.max(0, Math.min(last, models) - first);
  return Array.from({ length: count }, (_, k) => items[first + k]);
}

/** Stands in for rows that are not drawn. */
function Space({
  rows,
  height,
  columns,
}: {
  readonly rows: number;
  readonly height: number;
  readonly columns: number;
}) {
  if (rows <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row without content cannot be focused.
    <tr aria-hidden="true" class="space">
      <td colSpan={columns + 2} style={{ height: `${rows * height}px` }} />
    </tr>
  );
}

interface HeadProps {
  readonly board: Board;
  readonly columns: readonly ShownColumn[];
  readonly address: URLSearchParams;
  readonly change: Change;
}

function Head({ board, columns, address, change }: HeadProps) {
  const { by, descending } = sortOf(board.columns, address);
  const sorted = (id: string) =>
    by === id ? (descending ? 'descending' : 'ascending') : undefined;
  const open = openNodes(board.columns, address);
  const turn = (id: string) => {
    if (!open.delete(id)) open.add(id);
    change({ open: open.size > 0 ? [...open] : 'none' });
  };
  return (
    <thead>
      <tr aria-rowindex={1}>
        <th scope="col" class="rank">
          Rank
        </th>
        <th scope="col" class="model" aria-sort={sorted('name')}>
          <button
            type="button"
            class="sort"
            onClick={() => change({ sort: by === 'name' && !descending ? '-name' : 'name' })}
          >
            Model
          </button>
        </th>
        <FactHeads shown={shownFacts(address)} {...{ by, descending, change }} />
        {columns.map((shown) => (
          <th
            key={shown.column.id}
            scope="col"
            class={`number ${shown.column.kind} depth-${Math.min(shown.depth, 4)}`}
            aria-sort={sorted(shown.column.id)}
          >
            <button
              type="button"
              class="sort"
              onClick={() =>
                change({
                  sort: `${by === shown.column.id && descending ? '' : '-'}${shown.column.id}`,
                })
              }
            >
              <Breakable text={shown.title} />
            </button>
            <Beside shown={shown} turn={turn} />
          </th>
        ))}
      </tr>
    </thead>
  );
}

/** A name that breaks first where its parts meet. */
function Breakable({ text }: { readonly text: string }) {
  const parts = text.split(/(?<=[._:/-])|(?<=[a-z])(?=[A-Z0-9])/);
  return parts.map((part, k) => [k > 0 && <wbr />, part]);
}

/** What a column's header has beside its name: the way into an average, or to the benchmark's page. */
function Beside({
  shown: { column, title, open },
  turn,
}: {
  readonly shown: ShownColumn;
  readonly turn: (id: string) => void;
}) {
  if (column.kind === 'average')
    return (
      <button
        type="button"
        class="open"
        aria-expanded={open === true}
        onClick={() => turn(column.id)}
      >
        {open ? '− less' : `+ ${column.benchmarks}`}
        <span class="unseen">
          {open ? '' : column.benchmarks === 1 ? ' benchmark' : ' benchmarks'} of {title}
        </span>
      </button>
    );
  if (column.kind === 'formula') return <small>formula</small>;
  return (
    <>
      <a class="about" href={pageOf(column)} aria-label={`About ${title}`}>
        about
      </a>
      <OriginChip origin={column.origin} />
    </>
  );
}

interface RowProps {
  readonly item: Item;
  readonly board: Board;
  readonly index: number;
  readonly columns: readonly ShownColumn[];
  readonly facts: readonly FactName[];
  readonly chosen: boolean;
  readonly choose: (model: string, wanted: boolean) => void;
  readonly ask: (asked: Asked) => void;
}

function Row({ item, board, index, columns, facts, chosen, choose, ask }: RowProps) {
  return (
    <tr aria-rowindex={index + 2} class={chosen ? 'picked' : undefined}>
      <Rank item={item} board={board} />
      <th scope="row" class="model">
        <div>
          <input
            type="checkbox"
            checked={chosen}
            aria-label={`Compare ${item.name}`}
            onChange={(event) => choose(item.model, event.currentTarget.checked)}
          />
          <span class={item.weights || item.features ? 'labelled' : undefined}>
            <a href={`/models/${encodeURIComponent(item.model)}`} title={item.name}>
              <bdi>
                <Breakable text={item.name} />
              </bdi>
            </a>
            <WeightsChip weights={item.weights} />
            <FeaturesChip model={item.model} />
          </span>
        </div>
      </th>
      <FactCells shown={facts} item={item} />
      {columns.map(({ column, title }) => (
        <Cell key={column.id} item={item} column={column} title={title} ask={ask} />
      ))}
    </tr>
  );
}

function Rank({ item, board: { groups, columns } }: Pick<RowProps, 'item' | 'board'>) {
  const { rank, rankShared, tied, group } = item;
  const others = tied && tied.total > 0;
  const elsewhere = groups?.column !== columns[0]?.id;
  return (
    <td class="rank">
      {rank === null ? '–' : `${rankShared ? '=' : ''}${rank}`}
      {group && (
        <small
          class="range"
          title={`95 % interval of the rank by ${groups && titleAmong(columns, groups.column)}, simultaneous over all pairs of models`}
        >
          {elsewhere && `${group.rank} `}({group.ranks.join('–')}){!group.paired && '*'}
        </small>
      )}
      {tied?.withBest && others && (
        <small title={`Not distinguishable from the best; tied with ${tied.total} models`}>
          ≈ best
        </small>
      )}
    </td>
  );
}

interface CellProps {
  readonly item: Item;
  readonly column: Column;
  readonly title: string;
  readonly ask: (asked: Asked) => void;
}

function Cell({ item, column, title, ask }: CellProps) {
  if (column.kind === 'formula') {
    const of = item.formulas[Number(column.id.replace('column.', ''))];
    return (
      <td class="number">
        {value(of?.value)}
        <Interval ci={of?.ci} />
      </td>
    );
  }
  if (column.kind === 'average') {
    const average = item.averages[column.id];
    const of = `${average.n} of ${average.m}`;
    return (
      <td class={`number ${shade(average.value)}`} title={`${title}: average of ${of} benchmarks`}>
        {value(average.value)} <small>{of}</small>
        <Interval ci={average.ci} />
      </td>
    );
  }
  const score = item.scores[column.id];
  if (!score) return <td class="number none">–</td>;
  return (
    <td class={`number ${shade(score.value)}`}>
      <button
        type="button"
        class="score"
        tabIndex={-1}
        title={`${title}: ${`${value(score.value)} ${interval(score.ci)}`.trim()}${score.selection ? ', layer chosen on its stimuli' : ''}${score.brought ? `, ${BROUGHT}` : ''}; select for raw score and ceiling`}
        onClick={(event) => ask({ item, column, at: event.currentTarget.getBoundingClientRect() })}
      >
        {value(score.value)}
        {score.selection && <sup> †</sup>}
        {score.brought && <sup> ‡</sup>}
      </button>
      <Interval
        ci={score.ci}
        {...(column.generalises
          ? { title: `Generalises to ${generalisationWords(column.generalises)}` }
          : {})}
      />
    </td>
  );
}

interface IntervalProps {
  readonly ci: readonly number[] | null | undefined;
  readonly title?: string;
}

const Interval = ({ ci, title }: IntervalProps) =>
  ci ? (
    <small class="interval" title={title}>
      {interval(ci)}
    </small>
  ) : null;

/** The class of theme.css that shades a score. */
const shade = (score: number | null) => (score === null ? 'none' : `q${shadeOf(score)}`);

/** Arrow keys go from a model's name to its scores and from score to score, which are too many for Tab. */
function moveAmongCells(event: KeyboardEvent): void {
  const step = steps[event.key];
  let cell = (event.target as Element).closest<HTMLTableCellElement>('td, th');
  if (!step || !cell) return;
  event.preventDefault();
  do {
    const row = cell.parentElement as HTMLTableRowElement;
    const beside = { '-1': row.previousElementSibling, '0': row, '1': row.nextElementSibling }[
      step[0]
    ];
    cell = (beside as HTMLTableRowElement | null)?.cells[cell.cellIndex + step[1]] ?? null;
  } while (cell && !cell.querySelector(TARGET));
  cell?.querySelector<HTMLElement>(TARGET)?.focus();
}

const TARGET = '.score, a';

const steps: Readonly<Record<string, readonly [-1 | 0 | 1, -1 | 0 | 1]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

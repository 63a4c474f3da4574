import type { components } from '../../api/schema.js';
import { type FactName, factNames, factText, facts as factWords } from '../../report/fact-words.js';
import { type Html, html } from '../../report/html.js';
import { featuresWord, weightsWords } from '../../report/provenance-words.js';
import { shadeOf } from '../../report/score-shade.js';

type Leaderboard = components['schemas']['Leaderboard'];
type Column = Leaderboard['columns'][number];
type Item = Leaderboard['items'][number];
type Estimate = components['schemas']['LeaderboardEstimate'];

/** Averages whose children are shown unless the address says which are; none if columns of uploads come first. */
const OPEN = ['average', 'neural', 'simulated', 'simulated.neural'];

/**
 * A page of a leaderboard as a table without scripts: the same as in the browser application, with links instead
 * of controls. Columns are opened (`open`, `all` for every one) and hidden (`hide`) by the address, as there.
 */
export function leaderboardHtml(
  board: Leaderboard,
  simulated: boolean,
  address: URLSearchParams,
  landing: Html | false = false,
): Html {
  const columns = shownColumns(board.columns, address);
  const told = new Set(address.getAll('show'));
  const facts = factNames.filter((name) => told.has(name));
  return html`<h1>Leaderboard</h1>
${landing}
<p>${simulated ? 'Simulated' : 'Real'} benchmarks. ${link(`Show ${simulated ? 'real' : 'simulated'} benchmarks`, new URLSearchParams({ simulated: String(!simulated) }))}</p>
${noteOf(address, board)}<div class="board-scroll"><table class="board">
<caption>${board.models} ${board.models < board.total && `of ${board.total} `}${board.models === 1 ? 'model' : 'models'}${board.items.length < board.models && `, ${board.items.length} on this page`}</caption>
<thead><tr><th scope="col" class="rank">Rank</th><th scope="col" class="model">${sortLink('Model', 'name', address)}</th>${facts.map((name) => html`<th scope="col" class="fact">${sortLink(factWords[name].title, `-${name}`, address)}</th>`)}${columns.map((column) => headerCell(column, address))}</tr></thead>
<tbody>${board.items.map((item) => row(item, { columns, facts, board }))}</tbody>
</table></div>
<p>${board.next !== null && link('Next models', changed(address, { cursor: board.next }))} ${address.get('open') !== 'all' && link('All benchmarks', changed(address, { open: 'all' }))}</p>`;
}

/** Says of an earlier board that it is one. */
const noteOf = (address: URLSearchParams, { reconstructed }: Leaderboard) =>
  address.get('at') &&
  html`<p class="notice">The leaderboard as it was at ${address.get('at')}${reconstructed && ', before changes were recorded'}. ${link('Show the current leaderboard', without(address, 'at'))}</p>
`;

function shownColumns(columns: readonly Column[], address: URLSearchParams): Column[] {
  const named = address.getAll('open');
  const standard = columns[0]?.kind === 'average' ? OPEN : [];
  const open = new Set(named.length > 0 ? named : standard);
  const hidden = new Set(address.getAll('hide'));
  const reached = new Set<string | null>([null]);
  return columns.filter((column) => {
    if (column.kind !== 'formula') {
      if (!reached.has(column.parent)) return false;
      if (open.has('all') || open.has(column.id)) reached.add(column.id);
    }
    return !hidden.has(column.id);
  });
}

const changed = (address: URLSearchParams, values: Readonly<Record<string, string>>) => {
  const next = new URLSearchParams(address);
  next.delete('cursor');
  for (const [name, value] of Object.entries(values)) next.set(name, value);
  return next;
};

function without(address: URLSearchParams, name: string): URLSearchParams {
  const next = changed(address, {});
  next.delete(name);
  return next;
}

const link = (words: string, query: URLSearchParams) =>
  html`<a href="/?${String(query)}">${words}</a>`;

const sortLink = (words: string, sort: string, address: URLSearchParams) =>
  link(words, changed(address, { sort }));

const headerCell = (column: Column, address: URLSearchParams) =>
  html`<th scope="col" class="number">${sortLink(titleOf(column), `-${column.id}`, address)}${column.kind === 'benchmark' && html` <span class="chip origin-${column.origin}">${column.origin}</span>`}</th>`;

function titleOf(column: Column): string {
  if (column.kind === 'formula') return column.formula;
  if (column.kind === 'benchmark') return column.title;
  return column.id === 'simulated' ? 'average' : column.id.replace(/^simulated\./, '');
}

interface Shown {
  readonly columns: readonly Column[];
  readonly facts: readonly FactName[];
  readonly board: Leaderboard;
}

const row = (item: Item, { columns, facts, board }: Shown) =>
  html`<tr><td class="rank">${item.rankShared && '='}${item.rank ?? '–'}${item.tied?.withBest && item.tied.total > 0 && html`<small>≈ best</small>`}${range(item, board)}</td><th scope="row" class="model"><a href="/models/${encodeURIComponent(item.model)}"><bdi>${item.name}</bdi></a>${item.weights && html` <span class="chip weights-${item.weights}">${weightsWords[item.weights]}</span>`}${item.features && html` <span class="chip">${featuresWord}</span>`}</th>${facts.map((name) => html`<td class="fact">${factText(name, item.metadata) ?? '–'}</td>`)}${columns.map((column) => cell(column, item))}</tr>
`;

/** The places that a model may have; with its place where these are by another column than the rank. */
const range = ({ group }: Item, { groups, columns }: Leaderboard) =>
  group &&
  groups &&
  html` <small class="range" title="95 % interval of the rank by ${groups.column}, simultaneous over all pairs of models">${groups.column !== columns[0]?.id && `${group.rank} `}(${group.ranks.join('–')})${!group.paired && '*'}</small>`;

function cell(column: Column, item: Item): Html {
  if (column.kind === 'formula')
    return valueCell(item.formulas[Number(column.id.replace('column.', ''))], '', null);
  if (column.kind === 'average') {
    const average = item.averages[column.id];
    return valueCell(average, shade(average), `${average.n} of ${average.m}`);
  }
  const score = item.scores[column.id];
  return score
    ? valueCell(score, shade(score), marksOf(score))
    : html`<td class="number none">–</td>`;
}

/** † selection, ‡ computed elsewhere and brought. */
const marksOf = ({ selection, brought }: Item['scores'][string]) =>
  `${selection ? '†' : ''}${brought ? '‡' : ''}` || false;

const valueCell = ({ value, ci }: Estimate, className: string, beside: string | null | false) =>
  html`<td class="number ${className}">${value === null ? '–' : value.toFixed(3)} ${beside && html`<small>${beside}</small>`}${ci && html`<small class="interval">[${ci.map((end) => end.toFixed(3)).join(', ')}]</small>`}</td>`;

/** The class of theme.css that shades a score. */
const shade = ({ value }: Estimate) => (value === null ? 'none' : `q${shadeOf(value)}`);

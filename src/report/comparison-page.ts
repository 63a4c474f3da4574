import type {
  Comparison,
  ComparisonRow,
  MapDivergence,
  ScoreDifference,
  SeriesComparison,
} from '../scoring/compare/comparison-types.js';
import { generalisationLines } from '../scoring/draws/generalisation-words.js';
import type { LayerMap } from '../scoring/map/layer-map-types.js';
import { type Html, html } from './html.js';
import { htmlPage } from './html-page.js';
import { type HeatCell, heatmap, linePlot, type PlotPoint } from './map-charts.js';
import { cellReason, isScore, type MapColumn, mapColumns, markOf } from './map-columns.js';
import { named } from './map-page.js';
import { interval, threeDigits } from './map-text.js';
import { weightsWords } from './provenance-words.js';
import { SIMULATED } from './simulated-words.js';
import { visibleName } from './visible-name.js';

const NAME_IN_PICTURE = 22;

/**
 * Models side by side as one self-contained HTML file: the scores, the differences from the first model with
 * paired intervals, the maps in common colours, and where they diverge. The same comparison gives
 * the same bytes, and every name in it is text.
 */
export function comparisonPage(comparison: Comparison): string {
  const { models, rows, differences, maps } = comparison;
  const mapped = maps.filter((map) => map !== null);
  const [first] = models;
  const title = `${models.length} models side by side`;
  const fromFirst = differences.filter(({ from }) => from === first.checkpoint);
  const others = differences.filter(({ from }) => from !== first.checkpoint);
  const body = html`<h1>${title}</h1>
${simulatedNote(rows)}
${weightsNote(models)}
<h2>Scores</h2>
<p class="faint">Each model is scored at the layer in its card (fixed) or at the layer that its own map chooses; a chosen value is a selection.</p>
${rowTable(rows, 'model')}
${spoken(rows)}
<h2>Differences from ${named(first.checkpoint)}</h2>
<p class="faint">Paired 95 % intervals: the same draws for both models, estimate ± t · √V; p is of this pair alone. Overlap of the two scores' own intervals is not the test.</p>
${differenceTable(fromFirst)}
${others.length > 0 && html`<details><summary>Other pairs</summary>${differenceTable(others)}</details>`}
${mapped.length > 0 && mapParts(comparison)}`;
  return htmlPage(title, body);
}

/** The maps that were made, and where they diverge; none are where every layer was given. */
function mapParts(comparison: Comparison) {
  return html`<h2>Maps</h2>
<p class="faint">● chosen, ○ tied with it. A column has the same colours in every map, from 0 to the highest value of all.</p>
<div class="plots">${heatmaps(comparison)}</div>
<h2>Where the maps diverge</h2>
<p class="faint">Layers whose difference from the first model's map has a simultaneous 95 % interval (over all layers) that excludes 0.</p>
${comparison.divergences.map(divergencePart)}`;
}

/**
 * A series as one self-contained HTML file: for each benchmark the value over the epochs, at the fixed layer
 * and at the layer chosen at each epoch, then every number. The same series gives the same bytes.
 */
export function seriesPage({ checkpoints, benchmarks, fixed, rows }: SeriesComparison): string {
  const title = `A series of ${checkpoints.length} checkpoints`;
  const body = html`<h1>${title}</h1>
${simulatedNote(rows)}
${fixed && html`<p>Fixed layers are those of ${named(fixed.from)}: ${Object.entries(fixed.layers).map(([id, layer], i) => html`${i > 0 && ', '}${named(id)} ${named(layer)}`)}.</p>`}
<p class="faint">fixed: every checkpoint at the fixed layers. chosen: each at the highest layer of its own map, a selection. Bands are 95 % intervals; × marks a missing value.</p>
<div class="plots">${benchmarks.map((id) => curvesOf(rows.filter(({ benchmark }) => benchmark === id)))}</div>
<h2>Every number</h2>
${benchmarks.map(
  (id) =>
    html`<details><summary>${named(id)}</summary>${rowTable(
      rows.filter(({ benchmark }) => benchmark === id),
      'checkpoint',
    )}</details>`,
)}`;
  return htmlPage(title, body);
}

/** What the cards say of the weights of models. */
function weightsNote(models: Comparison['models']): Html | false {
  const labelled = models.filter(({ weights }) => weights);
  if (labelled.length === 0) return false;
  return html`<p>Weights: ${labelled.map(({ checkpoint, weights }, i) => html`${i > 0 && ', '}${named(checkpoint)} ${weights && `(${weightsWords[weights]})`}`)}.</p>`;
}

function simulatedNote(rows: readonly ComparisonRow[]): Html | false {
  const simulated = new Set(rows.filter((row) => row.simulated).map(({ benchmark }) => benchmark));
  if (simulated.size === 0) return false;
  return html`<p class="loud">Simulated: ${[...simulated].map((id) => visibleName(id)).join(', ')}. ${SIMULATED}</p>`;
}

function rowTable(rows: readonly ComparisonRow[], first: string): Html {
  const epochs = rows.some(({ epoch }) => epoch !== null);
  const lines = rows.map(
    (row) =>
      html`<tr><th scope="row">${named(row.checkpoint)}</th>${epochs && html`<td class="number" data-label="epoch">${row.epoch ?? '–'}</td>`}<td class="names">${named(row.benchmark)}</td><td data-label="map">${row.map}</td><td class="names" data-label="layer">${row.layer === null ? '–' : named(row.layer)}</td>${numbersOf(row)}</tr>\n`,
  );
  return html`<div class="wide cards"><table>
<thead><tr><th scope="col">${first}</th>${epochs && html`<th scope="col" class="number">epoch</th>`}<th scope="col">benchmark</th><th scope="col">map</th><th scope="col">layer</th><th scope="col" class="number">value</th><th scope="col" class="number">95 % interval</th><th scope="col" class="number">raw</th><th scope="col" class="number">ceiling</th><th scope="col"></th></tr></thead>
<tbody>${lines}</tbody></table></div>`;
}

function numbersOf(row: ComparisonRow): Html {
  if (row.value === null)
    return html`<td colspan="5"><bdi>${visibleName(row.reason ?? '', 300)}</bdi></td>`;
  const notes = [row.simulated && 'simulated', row.selection && 'selection'].filter(Boolean);
  return html`<td class="number" data-label="value">${threeDigits(row.value)}</td><td class="number" data-label="95 % interval">${interval(row.ci)}</td><td class="number" data-label="raw">${threeDigits(row.raw)}</td><td class="number" data-label="ceiling">${threeDigits(row.ceiling)}</td><td>${notes.join(', ')}</td>`;
}

/** What the intervals of a table speak of. */
const spoken = (rows: readonly ComparisonRow[]): Html[] =>
  generalisationLines(rows).map((line) => html`<p class="faint">${visibleName(line, 1000)}</p>`);

function differenceTable(differences: readonly ScoreDifference[]): Html {
  const lines = differences.map((each) => {
    const { benchmark, from, to, difference, ci, paired, p, reason } = each;
    const sure = ci !== null && (ci[0] > 0 || ci[1] < 0);
    const notes = [
      sure && 'the interval excludes 0',
      p !== null && `p ${p < 0.001 ? 'below 0.001' : threeDigits(p)}`,
      ci && !paired && 'not paired',
      reason,
    ];
    const note = notes.filter(Boolean).join(', ');
    return html`<tr><th scope="row">${named(benchmark)}</th><td class="names">${named(to)} − ${named(from)}</td><td class="number" data-label="difference">${threeDigits(difference)}</td><td class="number" data-label="95 % interval">${interval(ci)}</td><td><bdi>${visibleName(note, 300)}</bdi></td></tr>\n`;
  });
  return html`<div class="wide cards"><table>
<thead><tr><th scope="col">benchmark</th><th scope="col">models</th><th scope="col" class="number">difference</th><th scope="col" class="number">95 % interval</th><th scope="col"></th></tr></thead>
<tbody>${lines}</tbody></table></div>`;
}

/** The heat map of each model, its columns in the colours of all. */
function heatmaps({ models, maps }: Comparison): Html[] {
  const all = maps.flatMap((map) => (map ? mapColumns(map) : []));
  return maps.map((map, k) => {
    const { checkpoint } = models[k];
    if (!map) return html`<figure><h3>${named(checkpoint)}</h3><p>no map</p></figure>`;
    const columns = mapColumns(map).map((column) => ({ ...column, domain: within(column, all) }));
    return html`<figure><h3>${named(checkpoint)}</h3><div class="wide">${heatPicture(map, columns, checkpoint)}</div></figure>`;
  });
}

function within({ benchmark }: MapColumn, all: readonly MapColumn[]): readonly [number, number] {
  const domains = all.filter((column) => column.benchmark === benchmark).map((c) => c.domain);
  return [Math.min(...domains.map(([low]) => low)), Math.max(...domains.map(([, high]) => high))];
}

function heatPicture(map: LayerMap, columns: readonly MapColumn[], checkpoint: string): Html {
  return heatmap({
    label: `Heat map of ${visibleName(checkpoint)}: ${map.layers.length} layers by ${columns.length} benchmarks`,
    rows: map.layers.map(({ layer }) => ({
      name: visibleName(layer, NAME_IN_PICTURE),
      title: visibleName(layer),
    })),
    columns: columns.map(({ title, benchmark, domain }) => ({
      name: title,
      title: visibleName(benchmark),
      domain,
      scale: domain.map((end) => String(Number(end.toFixed(2)))).join('–'),
    })),
    cells: map.layers.map((row) =>
      columns.map(({ title, benchmark }): HeatCell => {
        const cell = row.cells[benchmark];
        const about = `${visibleName(row.layer)}\n${title}`;
        if (!isScore(cell) || cell.value === null)
          return { value: null, text: '–', title: `${about}: ${visibleName(cellReason(cell))}` };
        const text = threeDigits(cell.value).replace(/^(-?)0\./, '$1.');
        const words = `${about}: ${threeDigits(cell.value)}, 95 % interval ${interval(cell.ci)}`;
        return { value: cell.value, text, title: words, mark: markOf(map, benchmark, row.layer) };
      }),
    ),
  });
}

function divergencePart({ benchmark, from, to, by, layers }: MapDivergence): Html {
  const apart = layers.filter(({ diverges }) => diverges);
  const matched = by === 'name' ? 'matched by name' : 'matched by relative depth';
  const about = html`${named(benchmark)}: ${named(to)} − ${named(from)}, ${apart.length} of ${layers.length} layers (${matched})`;
  if (apart.length === 0) return html`<p>${about}</p>`;
  const lines = apart.map(
    ({ layer, other, difference, ci }) =>
      html`<tr><th scope="row">${named(layer)}</th><td class="names">${named(other)}</td><td class="number">${threeDigits(difference)}</td><td class="number">${interval(ci)}</td></tr>\n`,
  );
  return html`<details><summary>${about}</summary><div class="wide"><table>
<thead><tr><th scope="col">layer of the first</th><th scope="col">layer of the other</th><th scope="col" class="number">difference</th><th scope="col" class="number">95 %, simultaneous</th></tr></thead>
<tbody>${lines}</tbody></table></div></details>
`;
}

/** The two curves of a benchmark; a checkpoint without an epoch has no place on them. */
function curvesOf(rows: readonly ComparisonRow[]): Html {
  const [{ benchmark, region, simulated }] = rows;
  const title = region ?? visibleName(benchmark.split('-').at(-1) ?? benchmark, 12);
  const curves = (['fixed', 'chosen'] as const).flatMap((map) => {
    const points = rows.filter((row) => row.map === map).flatMap(pointOf);
    return points.length > 0 ? [{ name: map, points }] : [];
  });
  const tag = simulated && html` <span class="tag">simulated</span>`;
  const plot = linePlot({
    label: `${title}: value at each epoch; the tables below have the numbers`,
    xTitle: 'epoch',
    yTitle: 'value',
    curves,
  });
  return html`<figure><h3>${title}${tag} <small>${named(benchmark)}</small></h3>${plot}</figure>`;
}

function pointOf(row: ComparisonRow): PlotPoint[] {
  const { epoch, checkpoint, layer, value, ci, reason } = row;
  if (epoch === null) return [];
  const lines = [
    `${visibleName(checkpoint)}, epoch ${epoch}`,
    ...(layer === null ? [] : [visibleName(layer)]),
    value === null
      ? visibleName(reason ?? '', 300)
      : `value ${threeDigits(value)}, 95 % interval ${interval(ci)}${row.selection ? ', selection' : ''}`,
  ];
  return [{ x: epoch, y: value, ci, title: lines.join('\n') }];
}

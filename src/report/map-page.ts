import { generalisationLines } from '../scoring/draws/generalisation-words.js';
import type { LayerMap, LayerRow } from '../scoring/map/layer-map-types.js';
import { type Score, trialsRemark } from '../scoring/measure/score.js';
import { type Html, html } from './html.js';
import { htmlPage } from './html-page.js';
import { type HeatCell, heatmap, heatScale, linePlot, type PlotPoint } from './map-charts.js';
import {
  cellReason,
  chosenScore,
  insideFloor,
  isScore,
  type MapCell,
  type MapColumn,
  mapColumns,
  mapScores,
  markOf,
  onComponents,
} from './map-columns.js';
import { bytesText, interval, layersText, setText, thousands, threeDigits } from './map-text.js';
import { isNested, NESTED_WORDS, type NestedCell, nestedLayers } from './nested-words.js';
import { type Weights, weightsWords } from './provenance-words.js';
import { SIMULATED } from './simulated-words.js';
import { visibleName } from './visible-name.js';

const NAME_IN_PICTURE = 26;
const NAME_IN_TEXT = 120;
const TIED_SHOWN = 6;

/**
 * A layer map as one self-contained HTML file: what was chosen, a heat map of layers × benchmarks, the
 * profile over the layers for each benchmark, every number as a table, the plan and the provenance.
 * The same map gives the same bytes. Every name in it is text, whatever characters it is made of.
 */
export function mapPage(map: LayerMap, weights?: Weights): string {
  const columns = mapColumns(map);
  const name = visibleName(map.name, NAME_IN_TEXT);
  const body = html`<h1>Layer map of <bdi>${name}</bdi>${weights && ` (${weightsWords[weights]})`}</h1>
<p class="faint"><code>${map.model}</code></p>
${simulatedNote(columns)}
${choiceTable(map, columns)}
<p>${map.provenance.selection}</p>
${generalisationLines(mapScores(map)).map((line) => html`<p class="faint">${visibleName(line, 1000)}</p>`)}
${map.holdout && holdoutTable(map, columns, map.holdout)}
${map.nested && nestedTable(map, columns, map.nested)}
${componentsPart(map)}
<div class="columns">
<section><h2>Every layer against every benchmark</h2>${heatPart(map, columns)}</section>
<section><h2>Profiles</h2><p class="faint">Layers in the order in which the network computes them, numbered as in the heat map. The band is the 95 % interval of each value; ◆ is chosen, rings are tied with it, × has no value.</p><div class="plots">${columns.map((column) => profile(map, column))}</div></section>
</div>
<h2>Every number</h2>
${columns.map((column) => numbers(map, column))}
${componentsNumbers(map)}
<h2>Plan</h2>
${planPart(map)}
<h2>Provenance</h2>
${provenancePart(map, columns)}`;
  return htmlPage(`Layer map of ${name}`, body);
}

/** A name as isolated text, shortened, with the full name as tooltip. */
export const named = (name: string): Html => {
  const short = visibleName(name, NAME_IN_TEXT);
  const whole = visibleName(name);
  return whole === short
    ? html`<bdi><code>${short}</code></bdi>`
    : html`<bdi title="${whole}"><code>${short}</code></bdi>`;
};

function simulatedNote(columns: readonly MapColumn[]): Html | false {
  const simulated = columns.filter((column) => column.simulated);
  if (simulated.length === 0) return false;
  const which =
    simulated.length === columns.length
      ? 'All benchmarks of this map are simulated'
      : `Simulated: ${simulated.map(({ title }) => title).join(', ')}`;
  return html`<p class="loud">${which}. ${SIMULATED}</p>`;
}

const tags = ({ simulated }: MapColumn, score?: Score) =>
  simulated
    ? html` <span class="tag">simulated</span>`
    : score?.verified && html` <small>verified</small>`;

function choiceTable(map: LayerMap, columns: readonly MapColumn[]): Html {
  const rows = columns.map((column) => {
    const chosen = map.chosen[column.benchmark];
    const score = chosenScore(map, column.benchmark);
    const head = html`<th scope="row">${column.title}${tags(column, score)}<br><small>${named(column.benchmark)}</small></th>`;
    if (chosen === undefined)
      return html`<tr>${head}<td colspan="6">No layer has a value.</td></tr>\n`;
    return html`<tr>${head}<td class="names" data-label="chosen layer"><strong>${named(chosen.layer)}</strong></td><td class="number" data-label="value">${threeDigits(score?.value)}${score?.selection && html`<br> <small>selection</small>`}</td><td class="number" data-label="95 % interval">${interval(score?.ci ?? null)}</td><td class="number" data-label="raw">${threeDigits(score?.raw.value)}</td><td class="number" data-label="ceiling">${score && ceilingText(score)}</td><td class="names many" data-label="tied with it">${tiedNames(chosen.layer, chosen.tied)}</td></tr>\n`;
  });
  return html`<div class="wide cards"><table>
<thead><tr><th scope="col">benchmark</th><th scope="col">chosen layer</th><th scope="col" class="number">value</th><th scope="col" class="number">95 % interval</th><th scope="col" class="number">raw</th><th scope="col" class="number">ceiling</th><th scope="col">tied with it</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

const ceilingText = ({ ceiling }: Score) => (ceiling ? threeDigits(ceiling.value) : 'none');

function tiedNames(layer: string, tied: readonly string[]): Html {
  const others = tied.filter((name) => name !== layer);
  const more = others.length - TIED_SHOWN;
  if (others.length === 0) return html`<span class="faint">none</span>`;
  return html`${others.slice(0, TIED_SHOWN).map((name, i) => html`${i > 0 && ', '}${named(name)}`)}${more > 0 && ` and ${more} more`}`;
}

function holdoutTable(
  map: LayerMap,
  columns: readonly MapColumn[],
  holdout: NonNullable<LayerMap['holdout']>,
): Html {
  const rows = columns.map(({ title, benchmark }) => {
    const held: MapCell | undefined = holdout[benchmark];
    if (held === undefined) return false;
    if (!isScore(held))
      return html`<tr><th scope="row">${title}</th><td colspan="4"><bdi>${visibleName(held.reason, 300)}</bdi></td></tr>\n`;
    const before = chosenScore(map, benchmark)?.value;
    return html`<tr><th scope="row">${title}</th><td class="names" data-label="layer">${named(held.layer)}</td><td class="number" data-label="where chosen">${threeDigits(before)}</td><td class="number" data-label="held out">${threeDigits(held.value)}</td><td class="number" data-label="95 % interval">${interval(held.ci)}</td></tr>\n`;
  });
  return html`<h2>Held-out stimuli</h2>
<p>The layers of this map were chosen on a seeded half of the stimuli; this table scores them on the other half.</p>
<div class="wide cards"><table>
<thead><tr><th scope="col">benchmark</th><th scope="col">layer</th><th scope="col" class="number">where chosen</th><th scope="col" class="number">held out</th><th scope="col" class="number">95 % interval</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

function nestedTable(
  map: LayerMap,
  columns: readonly MapColumn[],
  nested: NonNullable<LayerMap['nested']>,
): Html {
  const rows = columns.map(({ title, benchmark }) => {
    const cell: NestedCell | undefined = nested[benchmark];
    if (cell === undefined) return false;
    const selected = threeDigits(chosenScore(map, benchmark)?.value);
    if (!isNested(cell))
      return html`<tr><th scope="row">${title}</th><td class="number" data-label="selected">${selected}</td><td colspan="3"><bdi>${visibleName(cell.reason, 300)}</bdi></td></tr>\n`;
    return html`<tr><th scope="row">${title}</th><td class="number" data-label="selected">${selected}</td><td class="number" data-label="nested">${threeDigits(cell.value)}</td><td class="number" data-label="95 % interval">${interval(cell.ci)}</td><td class="names many" data-label="chosen in training parts">${nestedLayers(cell, NAME_IN_TEXT)}</td></tr>\n`;
  });
  return html`<h2>Nested choice</h2>
<p>${NESTED_WORDS}</p>
<div class="wide cards"><table>
<thead><tr><th scope="col">benchmark</th><th scope="col" class="number">selected</th><th scope="col" class="number">nested</th><th scope="col" class="number">95 % interval</th><th scope="col">chosen in training parts</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

function componentsPart(map: LayerMap): Html | false {
  const reduced = onComponents(map);
  if (!reduced) return false;
  const columns = mapColumns(reduced);
  return html`<h2>On ${map.components?.count} principal components</h2>
<p>How Brain-Score chooses: each layer is projected on components of pictures of ImageNet, and the highest value is taken. Everywhere else on this page layers are compared whole.</p>
${choiceTable(reduced, columns)}
${heatPart(reduced, columns)}`;
}

function componentsNumbers(map: LayerMap): Html | false {
  const reduced = onComponents(map);
  if (!reduced) return false;
  return html`<h3>On ${map.components?.count} principal components</h3>
${mapColumns(reduced).map((column) => numbers(reduced, column))}`;
}

function heatPart(map: LayerMap, columns: readonly MapColumn[]): Html {
  const notes = new Map<string, number>();
  const cells = map.layers.map((row) => columns.map((column) => heatCell(map, row, column, notes)));
  const picture = heatmap({
    label: `Heat map of ${map.layers.length} layers by ${columns.length} benchmarks; the tables below have the numbers`,
    rows: map.layers.map((row) => ({
      name: visibleName(row.layer, NAME_IN_PICTURE),
      title: rowTitle(row),
    })),
    columns: columns.map(({ title, benchmark, domain }) => ({
      name: title,
      title: visibleName(benchmark),
      domain,
      scale: `${short(domain[0])}–${short(domain[1])}`,
    })),
    cells,
  });
  const low = columns.every(({ domain }) => domain[0] === 0) ? '0' : '0 or lowest';
  return html`<figure><figcaption class="faint">● chosen, ○ tied with it${map.layers.some(({ floors }) => floors) ? ', (…) inside its floor of permuted rows' : ''}. Each column has its own colours:<br>${heatScale(low, 'highest of the column')}</figcaption><div class="wide">${picture}</div></figure>
${notes.size > 0 && html`<p class="faint">Hatched cells have no value:</p><ol class="notes">${[...notes.keys()].map((reason) => html`<li><bdi>${visibleName(reason, 300)}</bdi></li>`)}</ol>`}`;
}

const short = (value: number) => String(Number(value.toFixed(2)));

function heatCell(
  map: LayerMap,
  row: LayerRow,
  column: MapColumn,
  notes: Map<string, number>,
): HeatCell {
  const cell = row.cells[column.benchmark];
  const title = cellTitle(map, row, column);
  if (isScore(cell) && cell.value !== null) {
    const mark = markOf(map, column.benchmark, row.layer);
    // Without the zero before the point, five columns fit a narrow screen.
    const text = threeDigits(cell.value).replace(/^(-?)0\./, '$1.');
    const inside = insideFloor(row, column.benchmark);
    return { value: cell.value, text: inside ? `(${text})` : text, title, mark };
  }
  const reason = cellReason(cell);
  const note = notes.get(reason) ?? notes.size + 1;
  notes.set(reason, note);
  return { value: null, text: `note ${note}`, title };
}

function rowTitle({ layer, aliases, units, depth }: LayerRow): string {
  const lines = [visibleName(layer)];
  if (aliases?.length) lines.push(`also ${aliases.map((alias) => visibleName(alias)).join(', ')}`);
  if (units !== null) lines.push(`${thousands(units)} units`);
  if (depth !== null) lines.push(`depth ${depth}`);
  return lines.join('\n');
}

function cellTitle(map: LayerMap, row: LayerRow, { title, benchmark }: MapColumn): string {
  const cell = row.cells[benchmark];
  const lines = [visibleName(row.layer), `${title}: ${visibleName(benchmark)}`];
  const mark = markOf(map, benchmark, row.layer);
  if (mark !== '') lines.push(mark === 'chosen' ? 'chosen' : 'tied with the chosen layer');
  if (isScore(cell) && cell.value !== null) {
    lines.push(`value ${threeDigits(cell.value)}, 95 % interval ${interval(cell.ci)}`);
    lines.push(`raw ${threeDigits(cell.raw.value)}, ceiling ${ceilingText(cell)}`);
    const floor = row.floors?.[benchmark]?.rows;
    if (floor) {
      const where = insideFloor(row, benchmark) ? 'inside' : 'above';
      lines.push(
        `${where} its floor: permuted rows reach ${threeDigits(floor.value.floor)}, raw ${threeDigits(floor.raw.floor)}`,
      );
    }
  } else lines.push(visibleName(cellReason(cell)));
  return lines.join('\n');
}

function profile(map: LayerMap, column: MapColumn): Html {
  const points = map.layers.map((row, i): PlotPoint => {
    const cell = row.cells[column.benchmark];
    const mark = markOf(map, column.benchmark, row.layer);
    return {
      x: i + 1,
      y: isScore(cell) ? cell.value : null,
      ci: isScore(cell) ? cell.ci : null,
      title: cellTitle(map, row, column),
      mark,
      ...(mark === 'chosen' ? { name: visibleName(row.layer, NAME_IN_PICTURE) } : {}),
    };
  });
  const floors = floorPoints(map, column);
  const curves = [
    { name: column.title, points },
    ...(floors.length > 0 ? [{ name: 'floor', points: floors }] : []),
  ];
  return html`<figure><h3>${column.title}${tags(column)} <small>${named(column.benchmark)}</small></h3>${linePlot({ label: `${column.title}: value of each layer`, xTitle: 'layer', yTitle: 'value', curves })}</figure>`;
}

/** What permuted rows reach; empty where nobody asked. */
const floorPoints = (map: LayerMap, { benchmark }: MapColumn): PlotPoint[] =>
  map.layers.flatMap(({ layer, floors }, i) => {
    const own = floors?.[benchmark]?.rows;
    const title = `${visibleName(layer)}\nfloor ${threeDigits(own?.value.floor)}`;
    return own ? { x: i + 1, y: own.value.floor, ci: null, title } : [];
  });

function numbers(map: LayerMap, column: MapColumn): Html {
  const rows = map.layers.map((row, i) => numberRow(map, row, column, i + 1));
  return html`<details><summary>${column.title}${tags(column)} <span class="faint">${named(column.benchmark)}</span></summary>
<div class="wide"><table>
<thead><tr><th scope="col" class="number">#</th><th scope="col">layer</th><th scope="col" class="number">units</th><th scope="col" class="number">depth</th><th scope="col" class="number">value</th><th scope="col" class="number">error</th><th scope="col" class="number">95 % interval</th><th scope="col" class="number">raw</th><th scope="col" class="number">ceiling</th><th scope="col">note</th></tr></thead>
<tbody>${rows}</tbody></table></div></details>
`;
}

function numberRow(map: LayerMap, row: LayerRow, { benchmark }: MapColumn, number: number): Html {
  const cell = row.cells[benchmark];
  const mark = markOf(map, benchmark, row.layer);
  const head = html`<td class="number">${number}</td><th scope="row">${named(row.layer)}${row.aliases?.map((alias) => html`<br><small>also ${named(alias)}</small>`)}${row.part !== undefined && html`<br><small>part of a layer's output</small>`}</th><td class="number">${row.units === null ? '–' : thousands(row.units)}</td><td class="number">${row.depth ?? '–'}</td>`;
  if (!isScore(cell) || cell.value === null)
    return html`<tr>${head}<td colspan="6"><bdi>${visibleName(cellReason(cell), 300)}</bdi></td></tr>\n`;
  const warnings = cell.warnings.map(({ detail }) => visibleName(detail));
  const notes = [mark, trialsRemark(cell), ...warnings].filter(Boolean);
  return html`<tr${mark === 'chosen' && html` class="chosen"`}>${head}<td class="number">${threeDigits(cell.value)}</td><td class="number">${threeDigits(cell.error)}</td><td class="number">${interval(cell.ci)}</td><td class="number">${threeDigits(cell.raw.value)}</td><td class="number">${ceilingText(cell)}</td><td>${notes.join('; ')}</td></tr>\n`;
}

function planPart({ plan }: LayerMap): Html {
  const sets = plan.sets.map(
    (set) =>
      html`<dt>${set.benchmarks.map((id, i) => html`${i > 0 && ', '}${named(id)}`)}</dt><dd>${setText(set)}</dd>`,
  );
  return html`<dl><dt>layers</dt><dd>${layersText(plan.layers)}</dd>${sets}<dt>memory beyond the network's own</dt><dd>${bytesText(plan.memory)}</dd><dt>scratch disk</dt><dd>${bytesText(plan.scratch)}</dd></dl>`;
}

function provenancePart({ provenance, chosen }: LayerMap, columns: readonly MapColumn[]): Html {
  const { ort, provider, threads } = provenance.runtime;
  const methods = columns.map(({ title, benchmark }) => {
    const by = chosen[benchmark]?.choice.by;
    if (typeof by !== 'object') return false;
    return html`<dt>choice for ${title}</dt><dd>${by.method}; ${named(by.benchmark)} version ${by.version}, <code>${by.inputs}</code></dd>`;
  });
  return html`<dl><dt>ventral</dt><dd>${provenance.ventral}</dd><dt>inputs</dt><dd><code>${provenance.inputs}</code></dd><dt>runtime</dt><dd>ONNX Runtime ${ort}, ${provider}, ${threads} ${threads === 1 ? 'thread' : 'threads'}</dd><dt>took</dt><dd>${provenance.seconds.toFixed(1)} s, peak memory ${thousands(Math.round(provenance.peakRssMiB))} MiB</dd>${methods}</dl>`;
}

import { hex, inkOn, shareOf, viridis } from './colour-scale.js';
import { type Html, html } from './html.js';

/** A cell of a heat map: a value between the ends of its column's scale, or something that has none. */
export type HeatCell =
  | {
      readonly value: number;
      readonly text: string;
      /** Told where the pointer rests. */
      readonly title: string;
      readonly mark?: 'chosen' | 'tied' | '';
    }
  | { readonly value: null; readonly text: string; readonly title: string };

/** A heat map; names are shown as they are given, so they come cut to a length. */
export interface HeatMap {
  /** What the image shows, for those who do not see it. */
  readonly label: string;
  readonly rows: readonly { readonly name: string; readonly title: string }[];
  readonly columns: readonly {
    readonly name: string;
    readonly title: string;
    /** Values of the ends of the colours. */
    readonly domain: readonly [number, number];
    /** The same in words, under the name. */
    readonly scale: string;
  }[];
  /** By row, then column. */
  readonly cells: readonly (readonly HeatCell[])[];
}

const ROW = 18;
const COLUMN = 50;
const HEAD = 36;
const NUMBER = 24;
const CHARACTER = 6.7;

/**
 * A heat map as SVG in CSS pixels, rows numbered from 1: viridis, ink that stands out on each colour,
 * `●` and a frame on what was chosen, `○` on what is tied with it, hatching if there is no value.
 */
export function heatmap({ label, rows, columns, cells }: HeatMap): Html {
  const names = NUMBER + CHARACTER * Math.max(4, ...rows.map(({ name }) => [...name].length)) + 8;
  const [width, height] = [names + COLUMN * columns.length + 2, HEAD + ROW * rows.length + 2];
  const heads = columns.map(({ name, title, scale }, j) => {
    const x = names + COLUMN * (j + 0.5);
    return html`<g><title>${title}</title><text class="strong" x="${x}" y="14" text-anchor="middle">${name}</text><text class="faint" x="${x}" y="28" text-anchor="middle">${scale}</text></g>`;
  });
  const lines = rows.map(({ name, title }, i) => {
    const y = HEAD + ROW * i;
    return html`<g class="row"><g><title>${title}</title><text class="faint" x="${NUMBER - 6}" y="${y + 13}" text-anchor="end">${i + 1}</text><text class="name" x="${NUMBER}" y="${y + 13}">${name}</text></g>${cells[i].map((cell, j) => heatCell(cell, columns[j].domain, names + COLUMN * j, y))}</g>`;
  });
  return html`<svg class="heatmap" role="img" aria-label="${label}" width="${round(width)}" height="${height}" viewBox="0 0 ${round(width)} ${height}">${heads}${lines}</svg>`;
}

function heatCell(
  cell: HeatCell,
  domain: readonly [number, number],
  left: number,
  top: number,
): Html {
  const [x, middle] = [round(left), round(left + COLUMN / 2)];
  if (cell.value === null)
    return html`<g><title>${cell.title}</title><rect x="${x}" y="${top}" width="${COLUMN - 1}" height="${ROW - 1}" fill="url(#hatch)"/><text class="refused" x="${middle}" y="${top + 13}" text-anchor="middle">${cell.text}</text></g>`;
  const colour = viridis(shareOf(cell.value, domain));
  const ink = hex(inkOn(colour));
  const sign = cell.mark === 'chosen' ? '● ' : cell.mark === 'tied' ? '○ ' : '';
  const frame =
    cell.mark === 'chosen' &&
    html`<rect class="frame" x="${x + 1}" y="${top + 1}" width="${COLUMN - 3}" height="${ROW - 3}" fill="none"/>`;
  return html`<g><title>${cell.title}</title><rect x="${x}" y="${top}" width="${COLUMN - 1}" height="${ROW - 1}" fill="${hex(colour)}"/>${frame}<text x="${round(left + COLUMN - 6)}" y="${top + 13}" text-anchor="end" fill="${ink}">${sign}${cell.text}</text></g>`;
}

/** The colours of a heat map from its low end to its high end, with both named. */
export function heatScale(low: string, high: string): Html {
  const steps = 24;
  const left = 6 + CHARACTER * [...low].length;
  return html`<svg class="scale" role="img" aria-label="${`colours from ${low} to ${high}`}" width="360" height="16" viewBox="0 0 360 16"><text x="0" y="12">${low}</text>${Array.from({ length: steps }, (_, i) => html`<rect x="${left + 4 * i}" y="2" width="4.2" height="12" fill="${hex(viridis(i / (steps - 1)))}"/>`)}<text x="${left + 102}" y="12">${high}</text></svg>`;
}

/** A point of a curve; without a value it is a cross on the axis. */
export interface PlotPoint {
  readonly x: number;
  readonly y: number | null;
  readonly ci: readonly [number, number] | null;
  /** Told where the pointer rests. */
  readonly title: string;
  readonly mark?: 'chosen' | 'tied' | '';
  /** Written beside the point. */
  readonly name?: string;
}

/** Curves over one axis; colour and dashes distinguish at most three. */
export interface LinePlot {
  /** What the image shows, for those who do not see it. */
  readonly label: string;
  readonly xTitle: string;
  readonly yTitle: string;
  /** With several curves their names stand above them. */
  readonly curves: readonly { readonly name: string; readonly points: readonly PlotPoint[] }[];
}

const PLOT = { width: 460, height: 216, left: 46, right: 14, top: 26, bottom: 38 };

/**
 * Curves with their 95 % intervals as SVG that takes the width it is given: bands, lines broken where a
 * value is missing, a filled lozenge on what was chosen, rings on what is tied with it.
 */
export function linePlot({ label, xTitle, yTitle, curves }: LinePlot): Html {
  const points = curves.flatMap((curve) => curve.points);
  const xs = axis(points.map(({ x }) => x));
  const ys = axis([0, ...points.flatMap(({ y, ci }) => [y ?? 0, ...(ci ?? [])])]);
  const { width, height, left, right, top, bottom } = PLOT;
  const xRange: Extent = [xs.low, xs.high];
  const yRange: Extent = [ys.ticks[0], ys.ticks[ys.ticks.length - 1]];
  const place: Place = {
    x: (x) => round(left + 6 + shareOf(x, xRange) * (width - left - right - 6)),
    y: (y) => round(height - bottom - shareOf(y, yRange) * (height - top - bottom)),
  };
  const legend = curves.length > 1 && curves.map(({ name }, i) => legendEntry(name, i));
  return html`<svg class="plot" role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}">${ys.ticks.map((tick) => html`<line class="grid" x1="${left}" x2="${width - right}" y1="${place.y(tick)}" y2="${place.y(tick)}"/><text class="faint" x="${left - 5}" y="${place.y(tick) + 4}" text-anchor="end">${tickText(tick)}</text>`)}${xs.ticks.filter((tick) => tick >= xs.low && tick <= xs.high).map((tick) => html`<text class="faint" x="${place.x(tick)}" y="${height - bottom + 15}" text-anchor="middle">${tickText(tick)}</text>`)}<text class="faint" x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">${xTitle}</text><text class="faint" x="0" y="10">${yTitle}</text>${legend}${curves.map(({ points }, i) => curveOf(points, i, place))}</svg>`;
}

type Extent = readonly [number, number];

interface Place {
  readonly x: (x: number) => number;
  readonly y: (y: number) => number;
}

function legendEntry(name: string, i: number): Html {
  const x = PLOT.left + 120 * (i + 0.6);
  return html`<g class="curve-${i % 3}"><line class="line" x1="${x}" x2="${x + 22}" y1="6" y2="6"/><text x="${x + 27}" y="10">${name}</text></g>`;
}

function curveOf(points: readonly PlotPoint[], i: number, place: Place): Html {
  const bands = runs(points, ({ ci }) => ci !== null).map((run) => {
    const [{ x, ci }] = run;
    if (run.length === 1)
      return html`<line class="bar" x1="${place.x(x)}" x2="${place.x(x)}" y1="${place.y(ci?.[0] ?? 0)}" y2="${place.y(ci?.[1] ?? 0)}"/>`;
    const upper = run.map(({ x, ci }) => `${place.x(x)},${place.y(ci?.[1] ?? 0)}`);
    const lower = run.map(({ x, ci }) => `${place.x(x)},${place.y(ci?.[0] ?? 0)}`).reverse();
    return html`<polygon class="band" points="${[...upper, ...lower].join(' ')}"/>`;
  });
  const lines = runs(points, ({ y }) => y !== null).map(
    (run) =>
      html`<polyline class="line" points="${run.map(({ x, y }) => `${place.x(x)},${place.y(y ?? 0)}`).join(' ')}"/>`,
  );
  // The chosen layer is drawn last, on top of its neighbours.
  const order = [...points].sort((a, b) => rank(a) - rank(b));
  return html`<g class="curve-${i % 3}">${bands}${lines}${order.map((point) => pointOf(point, place))}</g>`;
}

const rank = ({ mark }: PlotPoint) => (mark === 'chosen' ? 2 : mark === 'tied' ? 1 : 0);

function pointOf({ x, y, title, mark, name }: PlotPoint, place: Place): Html {
  const cx = place.x(x);
  if (y === null) {
    const cy = PLOT.height - PLOT.bottom;
    return html`<g><title>${title}</title><path class="missing" d="M${cx - 3} ${cy - 3}l6 6m0 -6l-6 6"/></g>`;
  }
  const cy = place.y(y);
  const sign =
    mark === 'chosen'
      ? html`<path class="chosen" d="M${cx} ${cy - 7}l7 7l-7 7l-7 -7z"/>`
      : html`<circle class="${mark === 'tied' ? 'tied' : 'dot'}" cx="${cx}" cy="${cy}" r="${mark === 'tied' ? 4 : 1.8}"/>`;
  return html`<g class="point"><title>${title}</title><circle class="target" cx="${cx}" cy="${cy}" r="7"/>${sign}${name !== undefined && nameAt(name, cx, cy)}</g>`;
}

function nameAt(name: string, x: number, y: number): Html {
  const half = ([...name].length * CHARACTER) / 2;
  const anchor = x + half > PLOT.width - 4 ? 'end' : x - half < PLOT.left + 2 ? 'start' : 'middle';
  return html`<text class="name strong" x="${x}" y="${Math.max(y - 11, 22)}" text-anchor="${anchor}">${name}</text>`;
}

/** Longest stretches of points that hold. */
function runs(points: readonly PlotPoint[], holds: (point: PlotPoint) => boolean): PlotPoint[][] {
  const found: PlotPoint[][] = [[]];
  for (const point of points) {
    if (holds(point)) found[found.length - 1].push(point);
    else found.push([]);
  }
  return found.filter((run) => run.length > 0);
}

/** Ends of an axis, and some five round ticks that lie around them. */
function axis(values: readonly number[]): { low: number; high: number; ticks: number[] } {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (!Number.isFinite(high - low) || high === low) {
    const only = Number.isFinite(low) ? low : 0;
    return { low: only - 1, high: only + 1, ticks: [only] };
  }
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  return { low, high, ticks };
}

const tickText = (tick: number) => String(Number(tick.toPrecision(6)));

const round = (value: number) => Math.round(value * 10) / 10;

/** Styles of the charts. */
export const chartStyle = `
svg { font: 11px ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
svg text { unicode-bidi: isolate; }
svg text:not([fill]) { fill: var(--ink); }
svg .strong { font-weight: 700; }
svg text.faint { fill: var(--faint); font-size: 10px; }
.heatmap { display: block; max-width: none; }
.scale { max-width: 100%; vertical-align: middle; }
.heatmap .row:hover .name { font-weight: 700; }
.heatmap .frame { stroke: var(--ink); stroke-width: 2; }
.heatmap text.refused { fill: var(--faint); font-size: 10px; }
.plot { display: block; width: 100%; height: auto; overflow: visible; }
.plot .grid { stroke: var(--rule); stroke-width: 1; }
.plot .line { fill: none; stroke: var(--curve); stroke-width: 1.5; stroke-linejoin: round; }
.plot .band { fill: var(--curve); opacity: 0.18; }
.plot .bar { stroke: var(--curve); stroke-width: 2; opacity: 0.4; }
.plot .dot { fill: var(--curve); }
.plot .tied { fill: var(--paper); stroke: var(--curve); stroke-width: 2; }
.plot .chosen { fill: var(--curve); stroke: var(--paper); stroke-width: 1.5; }
.plot .name { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
.plot .missing { fill: none; stroke: var(--faint); stroke-width: 1.2; }
.plot .target { fill: transparent; }
.plot .point:hover .dot, .plot .point:hover .tied, .plot .point:hover .chosen { stroke: var(--ink); stroke-width: 3; }
.curve-0 { --curve: var(--curve-0); }
.curve-1 { --curve: var(--curve-1); }
.curve-1 .line { stroke-dasharray: 5 3; }
.curve-2 { --curve: var(--curve-2); }
.curve-2 .line { stroke-dasharray: 2 2; }
`;

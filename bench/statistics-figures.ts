import { readFileSync, writeFileSync } from 'node:fs';
import { type Drawing, ink, type Point, type Shape } from '../src/figure/drawing.js';
import { drawingSvg } from '../src/figure/svg.js';

/**
 * Shows the simulations behind docs/statistics.md from their results: `docs/images/coverage.svg` and the table of the document from
 * coverage.json, `docs/images/equal-boards.svg` from equal-boards.json.
 *
 *   node dist/bench/statistics-figures.js
 */

interface Covered {
  readonly covered: number;
  readonly interval: readonly [number, number];
}

interface Row {
  readonly units: Readonly<Record<string, number>>;
  readonly new: readonly string[];
  /** `new` where each experiment fits to its own images though these alone vary. */
  readonly fits?: 'new';
  readonly experiments: number;
  readonly score: Covered;
  readonly difference: Covered;
}

interface Boards {
  readonly boards: number;
  readonly models: number;
  readonly sizes: readonly (Readonly<Record<'drawn' | 'student' | 'board', number>> & {
    readonly units: number;
  })[];
}

const SIZE = 7;
const LINE = 11;
const [BLUE, ORANGE, VIOLET] = ink.curves;

type Anchor = 'start' | 'middle' | 'end';
const text = (
  at: Point,
  words: string,
  anchor: Anchor = 'start',
  fill: string = ink.text,
): Shape => ({
  kind: 'text',
  ...{ at, text: words, size: SIZE, fill, anchor },
});
const line = (points: readonly Point[], stroke: string, width = 0.75): Shape => ({
  kind: 'line',
  ...{ points, stroke, width },
});
const box = (left: number, right: number, top: number, bottom: number, fill: string): Shape => ({
  kind: 'area',
  points: [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ],
  fill,
});

/** Axis of percents: a line a tick, its number below. */
function percents(
  ticks: readonly number[],
  x: (share: number) => number,
  [top, bottom]: readonly [number, number],
): Shape[] {
  return ticks.flatMap((tick) => [
    line(
      [
        [x(tick / 100), top],
        [x(tick / 100), bottom],
      ],
      ink.rule,
      0.5,
    ),
    text([x(tick / 100), bottom + 9], `${tick} %`, 'middle', ink.faint),
  ]);
}

function coverageFigure(rows: readonly Row[]): Drawing {
  const [left, right, top] = [196, 400, 22];
  const bottom = top + LINE * rows.length + 2;
  const [low, high] = [0.86, 1];
  const x = (share: number) =>
    left + ((Math.max(low, share) - low) / (high - low)) * (right - left);
  const sign = ({ covered, interval }: Covered, y: number, fill: string): Shape[] => [
    line(
      interval.map((end): Point => [x(end), y]),
      fill,
    ),
    { kind: 'circle', at: [x(covered), y], radius: 1.8, fill },
  ];
  return {
    width: right + 16,
    height: bottom + 16,
    tips: [],
    title: 'How often 95 % intervals hold what they speak of, in simulated experiments',
    description:
      'For each size and for what is new in every experiment the share of intervals of a score and of the difference of two models that hold the truth, with its exact binomial interval. The band is from 93 to 97 %.',
    shapes: [
      box(x(0.93), x(0.97), top - 4, bottom, '#eef3e6'),
      ...percents([86, 88, 90, 92, 94, 96, 98, 100], x, [top - 4, bottom]),
      line(
        [
          [x(0.95), top - 4],
          [x(0.95), bottom],
        ],
        ink.faint,
      ),
      text([4, 10], 'size; new in every experiment (how many)', 'start', ink.faint),
      { kind: 'circle', at: [left + 2, 7.5], radius: 1.8, fill: BLUE },
      text([left + 8, 10], 'score'),
      { kind: 'circle', at: [left + 42, 7.5], radius: 1.8, fill: ORANGE },
      text([left + 48, 10], 'difference of two models'),
      ...rows.flatMap((row, k) => {
        const y = top + LINE * (k + 0.5);
        const size = Object.entries(row.units)
          .map(([of, count]) => `${count} ${of}`)
          .join(' × ');
        return [
          text(
            [4, y + 2.5],
            `${size}; ${[...row.new, ...(row.fits ? ['fits'] : [])].join(' and ')} (${row.experiments})`,
          ),
          ...sign(row.score, y - 2, BLUE),
          ...sign(row.difference, y + 2, ORANGE),
        ];
      }),
    ],
  };
}

function boardsFigure({ boards, models, sizes }: Boards): Drawing {
  const rules = [
    ['drawn', 'quantile of the draws', VIOLET],
    ['student', 'as Student’s t', ORANGE],
    ['board', 'ventral', BLUE],
  ] as const;
  const [left, right, top] = [52, 330, 22];
  const bottom = top + sizes.length * 4 * LINE;
  const x = (share: number) => left + (share / 0.3) * (right - left);
  return {
    width: right + 30,
    height: bottom + 16,
    tips: [],
    title: `Boards of ${models} equal models with any false separation, of ${boards}`,
    description:
      'For 12, 30 and 100 units the share of simulated boards on which any two equal models are separated, by three rules, at a nominal 5 %.',
    shapes: [
      ...percents([0, 5, 10, 15, 20, 25, 30], x, [top - 4, bottom]),
      line(
        [
          [x(0.06), top - 4],
          [x(0.06), bottom],
        ],
        ink.faint,
      ),
      text([x(0.06) + 3, top], 'at most 6 %', 'start', ink.faint),
      ...rules.flatMap(([, words, fill], k) => [
        box(left + 96 * k, left + 96 * k + 6, 4, 10, fill),
        text([left + 96 * k + 9, 10], words),
      ]),
      ...sizes.flatMap((size, s) => {
        const y = top + 4 * LINE * s + 4;
        return [
          text([4, y + 1.5 * LINE + 5], `${size.units} units`),
          ...rules.flatMap(([rule, , fill], k) => [
            box(left, x(size[rule]), y + LINE * k + 2, y + LINE * (k + 1), fill),
            text(
              [x(size[rule]) + 3, y + LINE * (k + 1) - 2],
              `${Math.round(1000 * size[rule]) / 10} %`,
            ),
          ]),
        ];
      }),
    ],
  };
}

const HEAD = '| size | new | experiments | score | difference of the two models |';

/** The table of the document, in percent. */
function coverageTable(rows: readonly Row[]): string {
  const percent = (share: number) => (100 * share).toFixed(1);
  const counted = (count: number) => count.toLocaleString('en');
  const shown = ({ covered, interval: [low, high] }: Covered) =>
    `${percent(covered)} [${percent(low)}, ${percent(high)}]`;
  const lines = rows.map((row) => {
    const size = Object.entries(row.units).map(([of, count]) => `${counted(count)} ${of}`);
    const fresh = `${row.new.join(' and ')}${row.fits ? ', fitted anew' : ''}`;
    const shares = [row.score, row.difference].map(shown);
    return `| ${[size.join(' × '), fresh, counted(row.experiments), ...shares].join(' | ')} |`;
  });
  return [HEAD, '| --- | --- | --- | --- | --- |', ...lines].join('\n');
}

/** Writes the table anew where it stands in the document. */
function tabulate(document: string, rows: readonly Row[]): void {
  const text = readFileSync(document, 'utf8');
  const start = text.indexOf(HEAD);
  if (start < 0) throw new Error(`${document} has no table that begins with ${HEAD}`);
  const end = text.indexOf('\n\n', start);
  writeFileSync(document, text.slice(0, start) + coverageTable(rows) + text.slice(end));
}

const results = (name: string) => JSON.parse(readFileSync(`bench/results/${name}`, 'utf8'));
const coverage: readonly Row[] = results('coverage.json');
writeFileSync('docs/images/coverage.svg', drawingSvg(coverageFigure(coverage)));
tabulate('docs/statistics.md', coverage);
writeFileSync(
  'docs/images/equal-boards.svg',
  drawingSvg(boardsFigure(results('equal-boards.json'))),
);

import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import type { Figure } from '../../figure/figure.js';
import { present } from '../../formats/present.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { visibleName } from '../../report/visible-name.js';
import type {
  Comparison,
  ComparisonRequest,
  ComparisonRow,
  SeriesComparison,
} from '../../scoring/compare/comparison-types.js';
import type { LayerMapContext } from '../../scoring/map/layer-map.js';
import type { RegionRole } from '../../scoring/registry/region-benchmarks.js';
import { addFigureOptions, type FigureOptions, writeFigures } from '../options/figure-options.js';
import { globalOptions } from '../options/global-options.js';
import { several } from '../options/layer-request.js';
import { comparisonCsv, printComparison, printSeries } from '../print/print-comparison.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';
import { reportMixedPrecisions } from '../terminal/report-mixed-precisions.js';
import { reportStandIns } from '../terminal/report-stand-ins.js';

interface CompareOptions extends FigureOptions {
  readonly region: string[];
  readonly benchmark: string[];
  readonly layers: string[];
  readonly series?: boolean;
  readonly mapFrom?: string;
  readonly card?: string;
  readonly assume?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly html?: string;
}

const regions: readonly string[] = ['V1', 'V2', 'V4', 'IT', 'behavior'] satisfies RegionRole[];

/** `ventral compare`: models side by side, or the checkpoints of a training in order of epochs. */
export function registerCompare(program: Command, io: Io): void {
  const command = program
    .command('compare')
    .description('compare models, or the checkpoints of one training by epoch')
    .argument('<models...>', 'ONNX files, cards, model folders, names; --series: globs and folders')
    .option('-r, --region <names>', `regions: ${regions.join(', ')} (default: all)`, several, [])
    .option('-b, --benchmark <id|file>', 'benchmark identifier or file', several, [])
    .option(
      '--layers <names>',
      "candidates, names or globs; default: each card's or graph's",
      several,
      [],
    )
    .option('--series', 'the models are checkpoints of one training')
    .option('--map-from <model>', 'score every model at the layers of this one')
    .option('--card <file>', 'model card of all models')
    .option('--assume <preset>', 'preset for a model without a card: imagenet')
    .option('--json', 'print rows, differences and maps as JSON')
    .option('--csv', 'print one line a score')
    .option('--html <file>', 'write the comparison as one HTML page');
  addFigureOptions(command, ['values', 'differences']).action(
    (models: string[], options: CompareOptions, command: Command) =>
      compare(models, options, command, io),
  );
}

function checkUsage(models: readonly string[], options: CompareOptions): void {
  const refuse = (sentence: string) => new VentralError('bad-usage', sentence);
  const unknown = options.region.find((name) => !regions.includes(name));
  if (unknown !== undefined)
    throw refuse(`compare --region: expected ${regions.join(', ')}, found "${unknown}"`);
  if (options.json && options.csv) throw refuse('compare: --json and --csv exclude each other');
  if (options.series && options.figure === 'differences')
    throw refuse('compare --figure differences: a series has no differences; leave out --series');
  if (!options.series && models.length < 2)
    throw refuse('compare: name two or more models, or give --series');
}

async function compare(
  models: readonly string[],
  options: CompareOptions,
  command: Command,
  io: Io,
): Promise<void> {
  checkUsage(models, options);
  const { home, threads, maxMemory, maxScratch, maxCache } = globalOptions(command);
  const request = requestOf(models, options);
  await reportStandIns(request.regions ?? [], home, io);
  const { ContentCache } = await import('../../activations/cache/content-cache.js');
  const cache = await ContentCache.open(home, { maxBytes: maxCache });
  const bar = progressBar(io);
  const stop = interruption();
  const budgets = { home, threads, maxMemory, maxScratch, cache };
  const context = { ...budgets, signal: stop.signal, progress: bar.progress };
  try {
    const found = await (options.series ? series : sideBySide)(request, context, io);
    bar.clear();
    await show(found, options, io);
    sayReasons(found.rows, io);
    if (found.rows.some(({ value }) => value === null)) process.exitCode = 1;
  } finally {
    bar.end();
    stop.release();
  }
}

function requestOf(paths: readonly string[], options: CompareOptions): ComparisonRequest {
  const { region, benchmark, layers, mapFrom, card, assume } = options;
  const source = {
    ...present({ file: card, assume }),
  };
  const none = region.length + benchmark.length === 0;
  return {
    models: paths.map((path) => ({ ...source, path })),
    regions: (none ? regions : region) as RegionRole[],
    benchmarks: benchmark,
    ...(layers.length > 0 ? { layers } : {}),
    ...(mapFrom === undefined ? {} : { mapFrom: { ...source, path: mapFrom } }),
  };
}

async function sideBySide(
  request: ComparisonRequest,
  context: LayerMapContext,
  io: Io,
): Promise<Comparison> {
  await reportMixedPrecisions(
    request.models.map(({ path }) => path),
    io,
  );
  const { compareModels } = await import('../../scoring/compare/compare.js');
  return compareModels(request, context);
}

async function series(
  request: ComparisonRequest,
  context: LayerMapContext,
  io: Io,
): Promise<SeriesComparison> {
  const [{ seriesCheckpoints }, { compareSeries }] = await Promise.all([
    import('../../scoring/compare/series-checkpoints.js'),
    import('../../scoring/compare/series.js'),
  ]);
  const models = await seriesCheckpoints(request.models);
  await reportMixedPrecisions(
    models.map(({ path }) => path),
    io,
  );
  return compareSeries({ ...request, models }, context);
}

async function show(
  found: Comparison | SeriesComparison,
  options: CompareOptions,
  io: Io,
): Promise<void> {
  const sideBySide = 'differences' in found;
  if (options.html !== undefined) {
    const { comparisonPage, seriesPage } = await import('../../report/comparison-page.js');
    await writeFileAtomic(options.html, sideBySide ? comparisonPage(found) : seriesPage(found));
  }
  await writeFigures(() => figureOf(found, options.figure), options);
  if (options.json) io.out(`${JSON.stringify(found, null, 2)}\n`);
  else if (options.csv) io.out(comparisonCsv(found.rows));
  else if (sideBySide) printComparison(found, io);
  else printSeries(found, io);
}

async function figureOf(
  found: Comparison | SeriesComparison,
  kind: string | undefined,
): Promise<Figure> {
  const { comparedDifferences, comparisonFigure, seriesFigure } = await import(
    '../../figure/comparison-figure.js'
  );
  if (!('differences' in found)) return seriesFigure(found.rows);
  const { rows, differences } = found;
  return kind === 'differences' ? comparedDifferences(rows, differences) : comparisonFigure(rows);
}

/** Why there are rows without a value, each reason once a checkpoint. */
function sayReasons(rows: readonly ComparisonRow[], io: Io): void {
  const said = new Set<string>();
  for (const { checkpoint, reason } of rows) {
    const line = `ventral: ${visibleName(checkpoint)}: ${visibleName(reason ?? '').trimEnd()}\n`;
    if (reason === undefined || said.has(line)) continue;
    said.add(line);
    io.err(line);
  }
}

import type { Command } from 'commander';
import { bounded } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Figure } from '../../figure/figure.js';
import { present } from '../../formats/present.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { visibleName } from '../../report/visible-name.js';
import type { MappedLayers } from '../../scoring/map/layer-map.js';
import type { LayerMap, LayerMapRequest } from '../../scoring/map/layer-map-types.js';
import type { RegionRole } from '../../scoring/registry/region-benchmarks.js';
import { addFigureOptions, type FigureOptions, writeFigures } from '../options/figure-options.js';
import { globalOptions } from '../options/global-options.js';
import { several } from '../options/layer-request.js';
import { floorRequest, type NullOptions, nullRunsOption } from '../options/null-options.js';
import {
  addProviderOptions,
  type ProviderOptions,
  providerRequest,
} from '../options/provider-option.js';
import { keepReceipt, requireReceiptPath } from '../options/receipt-option.js';
import { mapCsv, partsChosen, printMap, printPlan, regionLayerMap } from '../print/print-map.js';
import { sayFailed, sayNotices } from '../print/say-failed.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';
import { reportStandIns } from '../terminal/report-stand-ins.js';

interface MapOptions extends FigureOptions, NullOptions, ProviderOptions {
  readonly region: string[];
  readonly benchmark: string[];
  readonly layers: string[];
  readonly card?: string;
  readonly assume?: string;
  readonly input?: string;
  readonly holdout?: boolean;
  readonly nested?: boolean;
  readonly pool: string[];
  readonly pca?: string;
  readonly pcaImages?: string;
  readonly commit?: boolean;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly html?: string;
  readonly regionLayerMap?: string;
  readonly receipt?: string;
}

const regions: readonly string[] = ['V1', 'V2', 'V4', 'IT', 'behavior'] satisfies RegionRole[];

/** `ventral map`: every layer of a model against every region. */
export function registerMap(program: Command, io: Io): void {
  const command = program
    .command('map')
    .description('score every layer of a model against regions or benchmarks, and choose for each')
    .argument('<model>', 'ONNX file, card, model folder or name of a shipped model')
    .option(
      '-r, --region <names>',
      `regions: ${regions.join(', ')} (this or -b is required)`,
      several,
      [],
    )
    .option('-b, --benchmark <id|file>', 'benchmark identifier or file', several, [])
    .option(
      '--layers <names>',
      "candidates, names or globs; default: the card's or the graph's",
      several,
      [],
    )
    .option('--card <file>', 'model card')
    .option('--assume <preset>', 'preset for a model without a card: imagenet')
    .option('--input <size>', 'map at another input size: resize=324,crop=288')
    .option('--holdout', 'choose on a random half of the stimuli, score the choice on the other')
    .option(
      '--nested',
      'also choose within the training part of each split, and score the rest of it (slower)',
    )
    .option(
      '--pool <kinds>',
      'add pooled maps as rows: mean, max or a grid such as 4x4',
      several,
      [],
    )
    .option(
      '--pca <n>',
      'also compare on n principal components, and choose on them as Brain-Score does (n = 1000)',
    )
    .option(
      '--pca-images <folder>',
      'validation images of ImageNet, one folder a class (default: imagenet-val in the home)',
    )
    .option('--null <rows>', 'floor of each cell: the whole pipeline on permuted rows', several, [])
    .option(...nullRunsOption)
    .option('--commit', 'write the chosen layers into the card')
    .option('--json', 'print the map as JSON')
    .option('--csv', 'print one line a cell')
    .option('--html <file>', 'write the map as one HTML page')
    .option('--region-layer-map <file>', "write the chosen layers as Brain-Score's JSON")
    .option(
      '--receipt <file>',
      'write a receipt: everything the numbers depend on, for `ventral verify`',
    );
  addProviderOptions(command);
  addFigureOptions(command, ['rows', 'profile', 'heat']).action(
    (model: string, options: MapOptions, command: Command) => map(model, options, command, io),
  );
}

const floorsOf = (options: MapOptions) => floorRequest('map', options, ['rows']);

function checkUsage(options: MapOptions): void {
  const { region, benchmark, json, csv, pca, pcaImages } = options;
  const refuse = (sentence: string) => new VentralError('bad-usage', sentence);
  const unknown = region.find((name) => !regions.includes(name));
  if (unknown !== undefined)
    throw refuse(`map --region: expected ${regions.join(', ')}, found "${unknown}"`);
  if (region.length + benchmark.length === 0)
    throw refuse(`map: give --region (${regions.join(', ')}) or --benchmark`);
  if (pca !== undefined && !/^\d{1,6}$/.test(pca))
    throw refuse(`map --pca: a number of components expected, found "${bounded(pca, 40)}"`);
  if (pca === undefined && pcaImages !== undefined)
    throw refuse('map --pca-images: expected only with --pca, the number of components');
  if (floorsOf(options) && pca !== undefined)
    throw refuse('map: --null and --pca exclude each other: floors are of whole layers');
  const other = options.holdout ? '--holdout' : pca === undefined ? undefined : '--pca';
  if (options.nested && other)
    throw refuse(`map: --nested and ${other} exclude each other: each chooses in its own way`);
  if (json && csv) throw refuse('map: --json and --csv exclude each other');
}

async function map(model: string, options: MapOptions, command: Command, io: Io): Promise<void> {
  checkUsage(options);
  const { home, threads, maxMemory, maxScratch, maxCache, verbose } = globalOptions(command);
  const [{ mapLayers }, { withFloors }, { ContentCache }, request, card] = await Promise.all([
    import('../../scoring/map/layer-map.js'),
    import('../../scoring/map/map-floors.js'),
    import('../../activations/cache/content-cache.js'),
    requestOf(model, options),
    options.commit ? cardToWrite(model, options) : undefined,
  ]);
  await requireReceiptPath(options.receipt);
  await reportStandIns(options.region as RegionRole[], home, io);
  const cache = await ContentCache.open(home, { maxBytes: maxCache });
  const bar = progressBar(io);
  const say = (line: string) => {
    bar.clear();
    io.err(line);
  };
  const provider = providerRequest('map', options, say);
  const stop = interruption();
  try {
    const mapped = await mapLayers(request, {
      home,
      threads,
      maxMemory,
      maxScratch,
      cache,
      signal: stop.signal,
      progress: bar.progress,
      ...present({ floors: floorsOf(options), provider }),
      plan: (plan) => {
        bar.clear();
        printPlan(plan, io, { verbose });
      },
    });
    bar.clear();
    await show({ ...mapped, map: withFloors(mapped) }, options, io);
    const answered = { kind: 'map' as const, request, map: mapped.map };
    await keepReceipt(options.receipt, [answered], { home, threads, maxMemory, maxScratch });
    if (card && mapped.choices.length > 0) {
      const { commitChoice } = await import('../../scoring/model/commit-choice.js');
      await commitChoice(card, mapped.choices);
      const words = mapped.choices.map(({ role, record }) => `${role} ${record.layer}`);
      io.err(`Updated ${card.path}: ${words.join(', ')}\n`);
    } else if (card) {
      io.err(`--commit: no layer was chosen for a region; ${card.path} is unchanged\n`);
    }
    sayNotices(mapped.map, io);
    sayFailed(mapped.failed, io);
    const { benchmarks, chosen, components } = mapped.map;
    const incomplete = benchmarks.some(
      (id) => chosen[id] === undefined || (components && components.chosen[id] === undefined),
    );
    if (mapped.failed.length > 0 || incomplete) process.exitCode = 1;
  } finally {
    bar.end();
    stop.release();
  }
}

async function requestOf(path: string, options: MapOptions): Promise<LayerMapRequest> {
  const { parseInputSize } = await import('../../activations/card/card.js');
  const { region, benchmark, layers, input, holdout, nested, pool, pca } = options;
  const { pcaImages: images } = options;
  return {
    model: { path, ...cardSource(options) },
    regions: region as RegionRole[],
    benchmarks: benchmark,
    ...(layers.length > 0 ? { layers } : {}),
    ...(pool.length > 0 ? { pool } : {}),
    ...(input === undefined ? {} : { input: parseInputSize(input) }),
    ...(holdout ? { holdout } : {}),
    ...(nested ? { nested } : {}),
    ...(pca === undefined ? {} : { pca: { components: Number(pca), ...present({ images }) } }),
  };
}

const cardSource = ({ card, assume }: MapOptions) => ({
  ...present({ file: card, assume }),
});

/** The card that --commit will write: an unwritable card is reported before the work. */
async function cardToWrite(model: string, options: MapOptions) {
  const [{ openModelFile }, { writableCard }] = await Promise.all([
    import('../../activations/model-file.js'),
    import('../../scoring/model/commit-choice.js'),
  ]);
  return writableCard(await openModelFile(model, cardSource(options)));
}

async function figureOf(map: LayerMap, kind: string | undefined): Promise<Figure> {
  const [{ mapFigure }, { heatFigure, profileFigure }] = await Promise.all([
    import('../../figure/map-figure.js'),
    import('../../figure/map-views.js'),
  ]);
  if (kind === 'profile') return profileFigure(map);
  return kind === 'heat' ? heatFigure(map) : mapFigure(map);
}

async function show(
  { map, weights }: Pick<MappedLayers, 'map' | 'weights'>,
  options: MapOptions,
  io: Io,
): Promise<void> {
  if (options.html !== undefined) {
    const { mapPage } = await import('../../report/map-page.js');
    await writeFileAtomic(options.html, mapPage(map, weights));
  }
  await writeFigures(() => figureOf(map, options.figure), options);
  if (options.regionLayerMap !== undefined) {
    const text = `${JSON.stringify(regionLayerMap(map), null, 2)}\n`;
    await writeFileAtomic(options.regionLayerMap, text);
    for (const { layer } of partsChosen(map))
      io.err(
        `--region-layer-map: ${visibleName(layer)} is a part of a layer, which Brain-Score does not record: its region is left out\n`,
      );
  }
  if (options.json) io.out(`${JSON.stringify(map, null, 2)}\n`);
  else if (options.csv) io.out(mapCsv(map));
  else printMap(map, io, weights);
}

import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { InputSize } from '../../activations/card/card.js';
import { extractActivations } from '../../activations/extract.js';
import type { CardSource } from '../../activations/model-file.js';
import { openNetwork } from '../../activations/open-network.js';
import { onProvider } from '../../activations/provider/choose-provider.js';
import type { Shown } from '../../activations/stimuli/shown.js';
import { trialsOf } from '../../activations/trials.js';
import { compareCodePoints, compareNaturally } from '../../data/ids.js';
import { makeScratchFolder } from '../../data/scratch-folder.js';
import {
  imageEndings,
  isImageName,
  openStimulusSet,
  type StimulusSet,
  stimulusSetOf,
} from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import { requireOutputFile } from '../../formats/output-place.js';
import { present } from '../../formats/present.js';
import { expandLayers, resolveLayer } from '../../onnx/layers.js';
import { passSeconds } from '../../runtime/work.js';
import { DataSources } from '../benchmark/data-sources.js';
import type { ScoreContext } from '../model/score-model.js';
import { loadBenchmarks } from '../registry/load-benchmark.js';
import { writeFeatures } from './write-features.js';

/** Activations to write: of which layers, over which stimuli. */
export interface ExportRequest {
  readonly model: CardSource & { readonly path: string };
  /** Layer names or globs. */
  readonly layers: readonly string[];
  /** The stimuli of a benchmark, at its degrees (for a read-out both sets) … */
  readonly benchmark?: string;
  /** … or a set of the catalog, a CSV, or a folder of images, at `degrees`. */
  readonly stimuli?: string;
  readonly degrees?: number;
  readonly input?: InputSize;
  /** `.npz`, `.nc`, `.arrow` or `.json`. */
  readonly output: string;
}

/**
 * Runs a network over stimuli and writes the layers with their provenance. The file is written atomically.
 */
export async function exportActivations(
  request: ExportRequest,
  context: ScoreContext,
): Promise<void> {
  await checkOutput(request.output);
  const opened = await openNetwork(request.model, { ...context, input: request.input });
  const { card } = opened;
  const layers = expandLayers(opened.file.model, request.layers).map(({ name }) => name);
  const [trials] = layers.flatMap(
    (layer) =>
      trialsOf(opened.file.model, card, resolveLayer(opened.file.model, layer).value) ?? [],
  );
  const { shown, close } = await stimuliOf(request, context);
  const scratch = await makeScratchFolder(context.home);
  const total = shown.stimuli.ids.length;
  const plan = {
    stage: 'activations',
    total,
    seconds: passSeconds() * total,
    basis: 'network' as const,
  };
  const stage = context.progress?.stage(plan);
  context.progress?.planned();
  try {
    const network = await onProvider(opened, [shown], context.provider, context);
    const { file } = network;
    const activations = await extractActivations(network, shown, layers, {
      threads: context.threads,
      maxMemory: context.maxMemory / 2,
      maxScratch: context.maxScratch,
      scratch: scratch.path,
      ...present({ signal: context.signal }),
      // Several passes are one stage: how many there are shows with the first image.
      progress: (done, all) => stage?.at((done * total) / all, { done, total: all }),
    });
    try {
      const provenance = {
        model: file.digest,
        name: file.name,
        card,
        ...(request.benchmark ? { benchmark: request.benchmark } : {}),
        degrees: shown.degrees ?? null,
        ...present({ trials, execution: file.execution }),
      };
      await writeFeatures(request.output, {
        ids: shown.stimuli.ids,
        layers: activations.layers,
        provenance,
      });
    } finally {
      activations.close();
    }
  } finally {
    await close();
    await scratch.remove();
  }
}

/** Refuses what could not be written before the network is run. */
async function checkOutput(output: string): Promise<void> {
  if (!['.npz', '.nc', '.arrow', '.json'].includes(extname(output))) {
    const sentence = `--output ${output}: expected a .npz, .nc, .arrow or .json file`;
    throw new VentralError('bad-usage', sentence, { file: output });
  }
  await requireOutputFile('--output', output);
}

/** Stimuli whose files are open. */
export interface OpenShown {
  readonly shown: Shown;
  close(): Promise<void>;
}

async function stimuliOf(request: ExportRequest, context: ScoreContext): Promise<OpenShown> {
  if (request.benchmark !== undefined) return benchmarkStimuli(request.benchmark, context);
  const stimuli = await namedStimuli(request.stimuli as string, context.home);
  const degrees = request.degrees as number;
  return {
    shown: { stimuli, degrees: stimuli.ids.map(() => degrees) },
    close: () => stimuli.close(),
  };
}

/** All stimuli that the benchmark needs features for; both sets of a read-out, one after the other. */
export async function benchmarkStimuli(
  benchmark: string,
  context: Pick<ScoreContext, 'home' | 'progress' | 'cache'>,
): Promise<OpenShown> {
  const { loaded, close } = await loadBenchmarks([benchmark], context, (_, error) => {
    throw error;
  });
  const sets: Shown[] = [];
  for (const shown of loaded.flatMap((each) => each.shown)) {
    if (!sets.some(({ stimuli }) => stimuli === shown.stimuli)) sets.push(shown);
  }
  return { shown: sets.length === 1 ? sets[0] : joined(sets), close };
}

function joined(sets: readonly Shown[]): Shown {
  const rows = sets.flatMap(({ stimuli, degrees }) =>
    stimuli.ids.map((id, row) => ({ stimuli, id, row, degrees: degrees?.[row] })),
  );
  const seen = new Set<string>();
  for (const { id } of rows) {
    if (seen.has(String(id)))
      throw new VentralError(
        'stimuli-duplicate',
        `The stimulus ${id} is in both stimulus sets of the benchmark, and a feature file has one row for it`,
        { field: 'stimulus_id', found: String(id) },
      );
    seen.add(String(id));
  }
  const stimuli: StimulusSet = {
    identifier: sets.map((set) => set.stimuli.identifier).join('+'),
    ids: rows.map(({ id }) => id),
    columns: new Map(),
    hasImages: sets.every((set) => set.stimuli.hasImages),
    ...(sets.some((set) => set.stimuli.frames) && {
      frames: (row: number) => rows[row].stimuli.frames?.(rows[row].row),
    }),
    filename: (row, frame) => rows[row].stimuli.filename(rows[row].row, frame),
    read: (row, frame) => rows[row].stimuli.read(rows[row].row, frame),
    close: async () => {},
  };
  const known = rows.every(({ degrees }) => degrees !== undefined);
  return { stimuli, degrees: known ? rows.map(({ degrees }) => degrees as number) : undefined };
}

async function namedStimuli(name: string, home: string): Promise<StimulusSet> {
  const kind = await stat(name).catch(() => undefined);
  if (kind?.isDirectory()) return folderStimuli(name);
  if (kind?.isFile())
    return openStimulusSet({ identifier: name, csv: name, images: join(name, '..') });
  return new DataSources(home).stimuli({ kind: 'catalog', identifier: name });
}

/**
 * Every image of a folder, in code-point order; its stimulus_id is the name without extension. A folder without images and with
 * folders of them has a clip in each.
 */
async function folderStimuli(folder: string): Promise<StimulusSet> {
  const names = (await readdir(folder))
    .filter((name) => imageEndings.has(extname(name).toLowerCase()))
    .sort(compareCodePoints);
  if (names.length === 0) return clipsOf(folder);
  const ids = names.map((name) => name.slice(0, -extname(name).length));
  const columns = [
    { name: 'stimulus_id', dtype: 'string', values: ids },
    { name: 'filename', dtype: 'string', values: names },
  ] as const;
  return stimulusSetOf(folder, columns, (row) => readFile(join(folder, names[row])));
}

/** Every folder of a folder that has images, in code-point order, as a clip under the folder's name. */
async function clipsOf(folder: string): Promise<StimulusSet> {
  const entries = await readdir(folder, { withFileTypes: true });
  const folders = entries.flatMap((entry) => (entry.isDirectory() ? entry.name : []));
  const clips = new Map<string, string[]>();
  for (const name of folders.sort(compareCodePoints)) {
    const frames = (await readdir(join(folder, name))).filter(isImageName);
    if (frames.length > 0) clips.set(name, frames.sort(compareNaturally));
  }
  if (clips.size === 0)
    throw new VentralError(
      'image-missing',
      `${folder} has no PNG, JPEG, TIFF, BMP or WebP images, nor folders of them`,
      { file: folder },
    );
  const ids = [...clips.keys()];
  const named = (row: number, frame = 0) => join(ids[row], clips.get(ids[row])?.[frame] ?? '');
  const columns = [{ name: 'stimulus_id', dtype: 'string', values: ids }] as const;
  return {
    ...stimulusSetOf(folder, columns, async () => new Uint8Array()),
    frames: (row) => clips.get(ids[row])?.length,
    filename: named,
    read: (row, frame) => readFile(join(folder, named(row, frame))),
  };
}

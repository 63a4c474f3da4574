import { type InputSize, type ModelCard, withInput } from '../../activations/card/card.js';
import type { Shown } from '../../activations/stimuli/shown.js';
import { StimulusFeed } from '../../activations/stimuli/stimulus-feed.js';
import { findData } from '../../data/catalog.js';
import type { Id } from '../../data/ids.js';
import { VentralError } from '../../errors/ventral-error.js';
import { writeNpz } from '../../formats/npz.js';
import type { ScoreContext } from '../model/score-model.js';
import { findBenchmark } from '../registry/registry.js';
import { benchmarkStimuli } from './export-activations.js';
import { PROVENANCE } from './feature-file.js';

/** Stimuli of a benchmark to write as a network gets them. */
export interface InputRequest {
  readonly benchmark: string;
  readonly card: ModelCard;
  readonly input?: InputSize;
  /** First stimulus, from 0, and how many at most; fewer where they are large. */
  readonly from: number;
  readonly count: number;
  /** `.npz` */
  readonly output: string;
}

/** Bytes of the tensor in one file, at most, but for a single stimulus that is larger. */
const MOST_BYTES = 2 ** 26;

/**
 * Writes the tensors that a network with this card gets for the stimuli of a benchmark: placed on the screen, resized, cropped,
 * normalised and in the card's layout, as for a score. The npz holds `inputs` (float32, stimuli first), `stimulus_id`, `degrees`
 * (absent where stimuli are not placed), `total` and `from` (of all stimuli that a file of features needs, the sets of a read-out one
 * after the other), and what features that are made of it say of themselves.
 * @throws VentralError `download-forbidden` for stimuli that are kept from those who train models, `range-not-satisfiable`,
 *   `image-…`, `degrees-mismatch`, `input-mismatch`
 */
export async function networkInputs(request: InputRequest, context: ScoreContext): Promise<void> {
  refusePrivate(request.benchmark);
  const card = request.input ? withInput(request.card, request.input) : request.card;
  const { shown, close } = await benchmarkStimuli(request.benchmark, context);
  try {
    const total = shown.stimuli.ids.length;
    if (request.from >= total) {
      const sentence = `from: ${request.benchmark} has ${total} stimuli, found ${request.from}`;
      throw new VentralError('range-not-satisfiable', sentence, { field: '/from' });
    }
    const { ids, degrees, dims, data } = await tensors(shown, card, request);
    const provenance = {
      ...{ model: 'features', name: card.name ?? 'features', card },
      ...{ benchmark: request.benchmark, degrees: shown.degrees ?? null },
    };
    await writeNpz(request.output, [
      { name: 'inputs', array: { dtype: 'float32', shape: [ids.length, ...dims], data } },
      { name: 'stimulus_id', array: idArray(ids) },
      ...(degrees
        ? [
            {
              name: 'degrees',
              array: { dtype: 'float64', shape: [ids.length], data: Float64Array.from(degrees) },
            } as const,
          ]
        : []),
      ...[
        { name: 'total', value: total },
        { name: 'from', value: request.from },
      ].map(({ name, value }) => ({
        name,
        array: { dtype: 'int32', shape: [], data: Int32Array.of(value) } as const,
      })),
      {
        name: PROVENANCE,
        array: { dtype: 'string', shape: [], data: [JSON.stringify(provenance)] },
      },
    ]);
  } finally {
    await close();
  }
}

/** Whether a benchmark shows stimuli that nobody may download. */
function refusePrivate(name: string): void {
  for (const { id, stimuli, fittingStimuli } of findBenchmark(name))
    for (const source of [stimuli, fittingStimuli])
      if (source?.kind === 'catalog' && findData(source.identifier, 'stimuli').access === 'private')
        throw new VentralError(
          'download-forbidden',
          `The stimuli of ${id} are private: they are reserved for evaluation and not shown`,
        );
}

/** Ids as features have them: texts, or numbers where all are. */
const idArray = (ids: readonly Id[]) =>
  ids.every((id) => typeof id === 'number')
    ? ({
        dtype: 'int64',
        shape: [ids.length],
        data: BigInt64Array.from(ids as readonly number[], BigInt),
      } as const)
    : ({ dtype: 'string', shape: [ids.length], data: ids.map(String) } as const);

interface Tensors {
  readonly ids: readonly Id[];
  readonly degrees: readonly number[] | undefined;
  /** Without the axis of stimuli. */
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

async function tensors(
  shown: Shown,
  card: ModelCard,
  { from, count }: Pick<InputRequest, 'from' | 'count'>,
): Promise<Tensors> {
  const { layout = 'NCHW' } = card.input;
  const spec = { ...card.input, layout };
  const plan = { name: 'inputs', dtype: 'float32', height: null, width: null, batch: 1 } as const;
  const range = rowsOf(shown, from, Math.min(from + count, shown.stimuli.ids.length));
  const feed = new StimulusFeed(range, card, { ...plan, spec });
  const blocks: Float32Array[] = [];
  let dims: readonly number[] = [];
  let bytes = 0;
  for await (const { input } of feed.batches()) {
    dims = input.dims.slice(1);
    blocks.push(Float32Array.from(input.data as Float32Array));
    bytes += blocks[0].byteLength;
    if (bytes + blocks[0].byteLength > MOST_BYTES) break;
  }
  const data = new Float32Array(bytes / Float32Array.BYTES_PER_ELEMENT);
  blocks.forEach((block, i) => {
    data.set(block, i * block.length);
  });
  const { stimuli, degrees } = range;
  const made = blocks.length;
  return { ids: stimuli.ids.slice(0, made), degrees: degrees?.slice(0, made), dims, data };
}

/** Rows `from` up to `to` of a set. */
function rowsOf({ stimuli, degrees }: Shown, from: number, to: number): Shown {
  const { frames, computed } = stimuli;
  return {
    stimuli: {
      identifier: stimuli.identifier,
      ids: stimuli.ids.slice(from, to),
      columns: new Map(),
      hasImages: stimuli.hasImages,
      ...(frames && { frames: (row: number) => stimuli.frames?.(from + row) }),
      ...(computed && {
        computed: {
          pixels: (row: number) => computed.pixels(from + row),
          digest: (row: number) => computed.digest(from + row),
        },
      }),
      filename: (row, frame) => stimuli.filename(from + row, frame),
      read: (row, frame) => stimuli.read(from + row, frame),
      close: async () => {},
    },
    degrees: degrees?.slice(from, to),
  };
}

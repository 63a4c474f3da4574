import { VentralError } from '../errors/ventral-error.js';
import type { Protocol } from '../properties/protocol.js';
import type { Tensor } from '../runtime/session.js';
import { traced } from '../runtime/traced.js';
import { batchOf, firstAlone, unitsOf } from './batch-axis.js';
import { openPass, type Pass } from './exposed-values.js';
import { buffersOf, type Network, type PassOptions, sumsOf } from './extract.js';
import { keptDtype, numbersOf } from './numbers.js';
import {
  ActivationStore,
  allocate,
  bytesOf,
  type ScratchPlace,
  type StoreShape,
  scratchBytesOf,
} from './scratch/activation-store.js';
import type { ScratchFile } from './scratch/scratch-file.js';
import { layOut } from './scratch/scratch-layout.js';
import { inputPlan } from './stimuli/input-plan.js';
import type { Shown } from './stimuli/shown.js';
import { StimulusFeed } from './stimuli/stimulus-feed.js';
import type { TrialSums } from './trials.js';
import { raise, receptiveFields, type UnitLayer, unitsThatSee } from './unit-layer.js';

/** What came of a pass: layers by value, and those that could not be had. */
export interface UnitPassResult {
  readonly layers: ReadonlyMap<string, UnitLayer>;
  readonly failures: ReadonlyMap<string, VentralError>;
  /** One map for each stimulus set, of the values that depend on random numbers. */
  readonly trials: readonly ReadonlyMap<string, TrialSums>[];
}

/**
 * One pass for single-neuron properties: the gratings of the first set map the receptive fields of every unit (only the
 * largest response at each place is kept), and of all later stimuli only the units that see the stimulus are kept. So a
 * layer takes places × units on scratch, not stimuli × units, and the network runs once.
 * Throws what concerns the pass as a whole; a layer that is not finite or too large is among the failures.
 */
export async function runUnitPass(
  network: Network,
  shown: readonly Shown[],
  pass: Pass,
  options: PassOptions,
): Promise<UnitPassResult> {
  const { digest } = network.file;
  return traced('ventral.units', { model: digest, layers: pass.values.length }, () =>
    tracedPass(network, shown, pass, options),
  );
}

async function tracedPass(
  network: Network,
  shown: readonly Shown[],
  pass: Pass,
  options: PassOptions,
): Promise<UnitPassResult> {
  const { file, card } = network;
  const { protocol } = shown[0];
  if (!protocol) throw new RangeError('the first stimulus set maps no receptive fields');
  const session = await openPass(file, card, pass, options.threads);
  const work = new Collection(protocol, shown, options);
  const trials: ReadonlyMap<string, TrialSums>[] = [];
  try {
    const plan = inputPlan(session.inputs, card.input, {
      ...{ name: file.name, batch: batchOf(file.model) },
    });
    const total = shown.reduce((sum, { stimuli }) => sum + stimuli.ids.length, 0);
    let before = 0;
    options.opened?.();
    for (const [set, each] of shown.entries()) {
      const rows = each.stimuli.ids.length;
      const buffers = buffersOf(network, pass, { batch: plan.batch, total: rows });
      const prepared = await options.pictures?.of(each, { ...card, input: plan.spec });
      for await (const { first, input } of new StimulusFeed(each, card, plan, prepared).batches()) {
        if (options.signal?.aborted) throw VentralError.from(options.signal.reason);
        const isFirst = before + first === 0;
        const alone = isFirst
          ? await firstAlone(session, plan.name, input, pass.values)
          : undefined;
        const made = await buffers.run(session, { [plan.name]: input }, first);
        buffers.keep(made, work.wanted(pass.values));
        if (isFirst) work.reserve(made, plan.batch, { alone, seeded: file.model.seeded });
        const end = Math.min(first + plan.batch, rows);
        await work.take(made, { set, first, end, batch: plan.batch });
        options.progress?.(before + end, total);
        if (work.isEmpty) return { layers: new Map(), failures: work.failures, trials };
      }
      before += rows;
      trials.push(sumsOf(buffers));
    }
    return { layers: work.layers(), failures: work.failures, trials };
  } finally {
    work.close();
    await session.close();
  }
}

interface Rows {
  readonly set: number;
  readonly first: number;
  readonly end: number;
  readonly batch: number;
}

/** No value is written where the runtime puts it: what is kept of it is less. */
const nowhere = { takes: () => false, placeOf: () => undefined };

/** Responses may take so many times the memory that maps may. */
const RESPONSES = 2;

/** Bytes that are left to the layers of a pass. */
interface Room {
  left: number;
}

/** The layers of a pass while it runs. */
class Collection {
  readonly failures = new Map<string, VentralError>();
  readonly #units = new Map<string, UnitCollector>();
  /** Responses of all layers together: the maps of their receptive fields are gone by then. */
  readonly #room: Room;

  constructor(
    private readonly protocol: Protocol,
    private readonly shown: readonly Shown[],
    private readonly options: PassOptions,
  ) {
    this.#room = { left: RESPONSES * options.maxMemory };
  }

  get isEmpty(): boolean {
    return this.#units.size === 0;
  }

  /** What the buffers are asked to hold. */
  wanted(values: readonly string[]) {
    return new Map(
      values.filter((value) => !this.failures.has(value)).map((value) => [value, nowhere]),
    );
  }

  /** Makes room for the map of every layer, the largest on scratch disk where memory does not hold them all. */
  reserve(
    made: Readonly<Record<string, Tensor>>,
    batch: number,
    {
      alone,
      seeded,
    }: {
      readonly alone: Readonly<Record<string, Tensor>> | undefined;
      readonly seeded: ReadonlySet<string> | undefined;
    },
  ): void {
    const { options, failures } = this;
    const { ys, xs } = this.protocol.places;
    const shapes = Object.entries(made).flatMap(([value, tensor]) => {
      try {
        const layer = options.nameOf(value);
        const cols = unitsOf(tensor, batch, layer, alone?.[value], seeded?.has(value));
        const dtype = keptDtype(tensor, layer);
        return [{ value, cols, dtype, rows: ys.length * xs.length, batch: 1 }];
      } catch (error) {
        failures.set(value, VentralError.from(error));
        return [];
      }
    });
    let memory = 0;
    let scratch = 0;
    const wide: (typeof shapes)[number][] = [];
    for (const shape of shapes.sort((a, b) => a.cols - b.cols)) {
      const bytes = bytesOf(shape.dtype, shape.rows, shape.cols);
      if (memory + bytes <= options.maxMemory) {
        memory += bytes;
        this.#add(shape.value, shape);
      } else if (scratch + scratchBytesOf(shape) <= options.maxScratch) {
        scratch += scratchBytesOf(shape);
        wide.push(shape);
      } else
        failures.set(shape.value, this.#tooLarge(shape.value, scratch + scratchBytesOf(shape)));
    }
    for (const { file, placed } of layOut(wide, `${options.scratch}/maps`))
      for (const [shape, place] of placed) this.#add(shape.value, shape, { file, place });
  }

  #add(
    value: string,
    shape: StoreShape,
    scratch?: { file: ScratchFile; place: ScratchPlace },
  ): void {
    this.#units.set(value, new UnitCollector(this.protocol, this.shown, shape, scratch));
  }

  #tooLarge(value: string, bytes: number): VentralError {
    const { options } = this;
    const mib = (count: number) => `${Math.ceil(count / 2 ** 20)} MiB`;
    return new VentralError(
      'memory-exceeded',
      `The receptive fields of the layer ${options.nameOf(value)} need ${mib(bytes)} of scratch, --max-scratch allows ${mib(options.maxScratch)}`,
      { field: '--max-scratch' },
    );
  }

  async take(made: Readonly<Record<string, Tensor>>, rows: Rows): Promise<void> {
    for (const [value, units] of [...this.#units]) {
      try {
        const tensor = made[value];
        if (tensor.data.length !== units.width * rows.batch)
          throw otherShape(units.width, tensor, rows);
        await units.take(numbersOf(tensor), rows, this.#room);
      } catch (error) {
        const layer = this.options.nameOf(value);
        this.failures.set(
          value,
          VentralError.from(named(error, layer, this.shown[rows.set], rows)),
        );
        units.close();
        this.#units.delete(value);
      }
    }
  }

  layers(): ReadonlyMap<string, UnitLayer> {
    return new Map([...this.#units].map(([value, units]) => [value, units.layer()]));
  }

  close(): void {
    for (const units of this.#units.values()) units.close();
  }
}

const otherShape = (width: number, { data }: Tensor, { batch }: Rows) =>
  new VentralError(
    'input-mismatch',
    `A layer has ${width} units for the first stimuli and ${data.length / batch} later: a layer must have one width`,
  );

/** A value that is NaN or infinite, by its row in the batch. */
class NotFinite extends Error {
  constructor(readonly row: number) {
    super('a value is not finite');
  }
}

function named(error: unknown, layer: string, { stimuli }: Shown, { first }: Rows): unknown {
  if (!(error instanceof NotFinite)) return error;
  const stimulus = stimuli.ids[first + error.row];
  return new VentralError(
    'activations-not-finite',
    `The layer ${layer} has values that are NaN or infinite, the first for the stimulus ${stimulus}`,
    { field: layer, expected: 'finite values', found: `NaN or infinite for ${stimulus}` },
  );
}

type Values = ReturnType<typeof numbersOf>;

/** One layer: the map of all units first, then the responses of those that see the stimulus. */
class UnitCollector {
  readonly width: number;
  readonly #peaks: ActivationStore;
  readonly #file: ScratchFile | undefined;
  readonly #isFloat32: boolean;
  #blank: Float64Array | undefined;
  /** Largest response so far at the place that is being shown. */
  #current: Values;
  #seen: Int32Array | undefined;
  #responses: (Float32Array | Float64Array)[] = [];

  constructor(
    private readonly protocol: Protocol,
    private readonly shown: readonly Shown[],
    shape: StoreShape,
    scratch?: { file: ScratchFile; place: ScratchPlace },
  ) {
    this.width = shape.cols;
    this.#isFloat32 = shape.dtype === 'float32';
    this.#peaks = new ActivationStore(shape, scratch?.place);
    this.#file = scratch?.file;
    this.#current = allocate(shape.dtype, shape.cols);
  }

  #floats(length: number): Float32Array | Float64Array {
    return this.#isFloat32 ? new Float32Array(length) : new Float64Array(length);
  }

  async take(values: Values, { set, first, end }: Rows, room: Room): Promise<void> {
    const { studies } = this.protocol;
    for (let row = first; row < end; row++) {
      const own = values.subarray((row - first) * this.width, (row - first + 1) * this.width);
      if (set > 0 || row >= studies) {
        if (!this.#seen) await this.#locate(room);
        this.#keep(own, set, set === 0 ? row - studies + 1 : row, row - first);
      } else if (row === 0) this.#blank = finite(Float64Array.from(own), 0);
      else await this.#map(own, row - 1, row - first);
    }
  }

  async #map(own: Values, at: number, row: number): Promise<void> {
    const { perPlace } = this.protocol;
    finite(own, row);
    if (at % perPlace === 0) this.#current.set(own);
    else raise(this.#current, own);
    if ((at + 1) % perPlace !== 0) return;
    this.#peaks.put(Math.floor(at / perPlace), this.#current);
    await this.#file?.write('cached');
  }

  /** Finds the units that see the stimulus, and lets the map go. */
  async #locate(room: Room): Promise<void> {
    const centres = await receptiveFields(this.#peaks, this.#blank ?? [], this.protocol);
    const seen = unitsThatSee(centres, this.protocol.stimulus);
    this.#peaks.close();
    this.#current = new Float32Array(0);
    const lengths = this.shown.map(({ stimuli }, set) =>
      set === 0 ? stimuli.ids.length - this.protocol.studies + 1 : stimuli.ids.length,
    );
    const width = this.#isFloat32 ? 4 : 8;
    const bytes = lengths.reduce((sum, length) => sum + width * length * seen.length, 0);
    if (bytes > room.left) throw tooMany(seen.length, bytes, room.left);
    room.left -= bytes;
    this.#responses = lengths.map((length) => this.#floats(length * seen.length));
    this.#seen = seen;
    const { data, cols } = this.#matrix(0);
    seen.forEach((unit, i) => {
      data[i * cols] = this.#blank?.[unit] ?? 0;
    });
  }

  #matrix(set: number) {
    const data = this.#responses[set];
    const rows = this.#seen?.length ?? 0;
    return { rows, cols: rows > 0 ? data.length / rows : 0, data };
  }

  #keep(own: Values, set: number, column: number, row: number): void {
    const { cols, data } = this.#matrix(set);
    const seen = this.#seen as Int32Array;
    for (let i = 0; i < seen.length; i++) {
      const value = own[seen[i]];
      if (!Number.isFinite(value)) throw new NotFinite(row);
      data[i * cols + column] = value;
    }
  }

  layer(): UnitLayer {
    const seen = this.#seen ?? new Int32Array(0);
    const responses = this.#responses.map((_, set) => this.#matrix(set));
    return { form: 'units', units: this.width, seen, responses };
  }

  close(): void {
    this.#peaks.close();
  }
}

/** The same values. Throws {@link NotFinite} where one is NaN or infinite. */
function finite<T extends Values>(values: T, row: number): T {
  let sum = 0;
  // 0 as long as every value is finite.
  for (let i = 0; i < values.length; i++) sum += values[i] * 0;
  if (sum === 0) return values;
  throw new NotFinite(row);
}

function tooMany(units: number, bytes: number, room: number): VentralError {
  const mib = (count: number) => `${Math.ceil(count / 2 ** 20)} MiB`;
  return new VentralError(
    'memory-exceeded',
    `${units} units see the stimulus: their responses need ${mib(bytes)}, --max-memory leaves ${mib(room)}`,
    { field: '--max-memory' },
  );
}

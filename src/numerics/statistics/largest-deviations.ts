import { centred, type PairedFamily, type PairStatistics } from './paired-family.js';
import { percentile } from './statistics.js';

/** Width of a bin of studentised differences, and how many there are; the last one is open. */
const BIN = 1 / 8;
const BINS = 96;
const binOf = (t: number) => Math.min(BINS - 1, Math.floor(t / BIN));
/** Rows that stay in the processor's cache while others are compared with them. */
const TILE = 8;

/** Pairs whose studentised difference is in a bin. */
interface Bin {
  /** By draw; 0 where no pair deviates. */
  readonly largest: Float64Array;
  /** The pair that has it, i · models + j; negative where none has. */
  readonly holders: Int32Array;
}

/** Deviations of a family that shares rows with another. */
export interface FormerDeviations {
  readonly largest: LargestDeviations;
  /** Where each row of the new family stood; −1 where it is new. */
  readonly places: Int32Array;
}

/**
 * The largest studentised deviation |D(r) − mean D| / sd(D) over pairs, by draw and by bins of t. Pairs are visited once; of a
 * family of mostly the same rows those with a new row, and those of a bin and draw whose largest one left.
 */
export class LargestDeviations {
  readonly #both: readonly Float32Array[];
  readonly #pairs: PairStatistics;
  readonly #whole: readonly boolean[];
  readonly #data: Float64Array;
  readonly #draws: number;
  #bins: (Bin | undefined)[] = new Array(BINS);

  constructor(
    { both }: Pick<PairedFamily, 'both'>,
    pairs: PairStatistics,
    former?: FormerDeviations,
  ) {
    this.#both = both;
    this.#pairs = pairs;
    this.#draws = both[0]?.length ?? 0;
    this.#whole = both.map((row) => row.every(Number.isFinite));
    this.#data = centred(both, this.#whole);
    if (!former || !this.#renew(former)) this.#visitAll();
  }

  /**
   * The quantile of the largest deviation over pairs whose t is at most `most`.
   * @param level share of draws beyond it
   */
  quantile(most: number, level: number): number {
    const largest = new Float64Array(this.#draws);
    const last = binOf(most);
    const before = most === Number.POSITIVE_INFINITY ? BINS : last;
    for (const bin of this.#bins.slice(0, before)) if (bin) raiseTo(largest, bin.largest);
    if (before < BINS && this.#bins[last]) {
      const { models, t } = this.#pairs;
      for (let i = 0; i < models; i++)
        for (let j = i + 1; j < models; j++) {
          const at = i * models + j;
          if (this.#varies(at) && t[at] <= most && binOf(t[at]) === last)
            this.#visit(i, j, { largest });
        }
    }
    return largest.every((value) => value === 0) ? 0 : percentile(largest, 100 * (1 - level));
  }

  #varies(at: number): boolean {
    const { deviations, t } = this.#pairs;
    return deviations[at] > 0 && !Number.isNaN(t[at]);
  }

  #visitAll(): void {
    this.#bins = new Array(BINS);
    const { models } = this.#pairs;
    for (let from = 0; from < models; from += TILE) {
      const to = Math.min(models, from + TILE);
      for (let j = from + 1; j < models; j++)
        for (let i = from; i < Math.min(to, j); i++) this.#enter(i, j);
    }
  }

  /** Visits a pair for its bin. */
  #enter(i: number, j: number): void {
    const { models, t } = this.#pairs;
    const at = i * models + j;
    if (!this.#varies(at)) return;
    const bin = binOf(t[at]);
    this.#bins[bin] ??= emptyBin(this.#draws);
    this.#visit(i, j, this.#bins[bin]);
  }

  #visit(i: number, j: number, into: { largest: Float64Array; holders?: Int32Array }): void {
    const at = i * this.#pairs.models + j;
    const scale = 1 / this.#pairs.deviations[at];
    const { largest, holders } = into;
    if (!this.#whole[i] || !this.#whole[j])
      raisePartly(into, [this.#both[i], this.#both[j]], { scale, at });
    else if (holders) raise({ largest, holders }, this.#data, [i, j], { scale, at });
    else raiseAlone(largest, this.#data, [i, j], scale);
  }

  /** Takes over what a former family had; false where that would not be less work. */
  #renew({ largest: former, places }: FormerDeviations): boolean {
    const { models, t } = this.#pairs;
    const kept = Uint8Array.from(places, (place, i) => (place >= 0 && this.#whole[i] ? 1 : 0));
    const placeOf = new Int32Array(former.#pairs.models).fill(-1);
    places.forEach((place, i) => {
      if (kept[i]) placeOf[place] = i;
    });
    this.#bins = former.#bins.map(
      (bin) => bin && takenOver(bin, placeOf, { before: former.#pairs.models, now: models }),
    );
    const stale = this.#bins.map((bin) => (bin ? lostIn(bin) : []));
    const again: number[] = [];
    let [work, all] = [0, 0];
    for (let i = 0; i < models; i++)
      for (let j = i + 1; j < models; j++) {
        const at = i * models + j;
        if (!this.#varies(at)) continue;
        all++;
        if (!kept[i] || !kept[j]) work += this.#draws;
        else if (stale[binOf(t[at])].length > 0) {
          again.push(at);
          work += stale[binOf(t[at])].length;
        }
      }
    if (work > (all * this.#draws) / 2) return false;
    for (const at of again) this.#visitDraws(at, stale[binOf(t[at])]);
    for (let i = 0; i < models; i++)
      for (let j = i + 1; j < models; j++) if (!kept[i] || !kept[j]) this.#enter(i, j);
    return true;
  }

  /** Visits a pair of whole rows for some draws alone. */
  #visitDraws(at: number, some: readonly number[]): void {
    const { models, deviations, t } = this.#pairs;
    const { largest, holders } = this.#bins[binOf(t[at])] as Bin;
    const [i, j] = [Math.floor(at / models) * this.#draws, (at % models) * this.#draws];
    const scale = 1 / deviations[at];
    for (const r of some) {
      const deviation = Math.abs(this.#data[i + r] - this.#data[j + r]) * scale;
      if (deviation > largest[r]) {
        largest[r] = deviation;
        holders[r] = at;
      }
    }
  }
}

/** No pair deviates. */
const NONE = -1;
/** The pair that had the largest deviation left. */
const LOST = -2;

const emptyBin = (length: number): Bin => ({
  largest: new Float64Array(length),
  holders: new Int32Array(length).fill(NONE),
});

/** A bin with the pairs' new places; what a pair had that is gone is lost. */
function takenOver(
  bin: Bin,
  placeOf: Int32Array,
  models: { readonly before: number; readonly now: number },
): Bin {
  const largest = bin.largest.slice();
  const holders = bin.holders.map((holder, r) => {
    if (holder < 0) return NONE;
    const a = placeOf[Math.floor(holder / models.before)];
    const b = placeOf[holder % models.before];
    if (a >= 0 && b >= 0) return Math.min(a, b) * models.now + Math.max(a, b);
    largest[r] = 0;
    return LOST;
  });
  return { largest, holders };
}

/** The draws whose holder left. */
function lostIn({ holders }: Bin): number[] {
  const found: number[] = [];
  for (let r = 0; r < holders.length; r++) if (holders[r] === LOST) found.push(r);
  return found;
}

function raiseTo(into: Float64Array, values: Float64Array): void {
  for (let r = 0; r < into.length; r++) if (values[r] > into[r]) into[r] = values[r];
}

interface Visited {
  /** 1 / standard deviation. */
  readonly scale: number;
  readonly at: number;
}

function raise(
  { largest, holders }: Bin,
  data: Float64Array,
  [i, j]: readonly [number, number],
  { scale, at }: Visited,
): void {
  const { length } = largest;
  const [a, b] = [i * length, j * length];
  for (let r = 0; r < length; r++) {
    const deviation = Math.abs(data[a + r] - data[b + r]) * scale;
    if (deviation > largest[r]) {
      largest[r] = deviation;
      holders[r] = at;
    }
  }
}

function raiseAlone(
  largest: Float64Array,
  data: Float64Array,
  [i, j]: readonly [number, number],
  scale: number,
): void {
  const { length } = largest;
  const [a, b] = [i * length, j * length];
  for (let r = 0; r < length; r++) {
    const deviation = Math.abs(data[a + r] - data[b + r]) * scale;
    if (deviation > largest[r]) largest[r] = deviation;
  }
}

function raisePartly(
  { largest, holders }: { readonly largest: Float64Array; readonly holders?: Int32Array },
  [a, b]: readonly [Float32Array, Float32Array],
  { scale, at }: Visited,
): void {
  const drawn = Float64Array.from(a, (value, r) => value - b[r]);
  const finite = drawn.filter(Number.isFinite);
  const centre = finite.reduce((sum, value) => sum + value, 0) / finite.length;
  for (let r = 0; r < drawn.length; r++) {
    const deviation = Math.abs(drawn[r] - centre) * scale;
    if (!(deviation > largest[r])) continue;
    largest[r] = deviation;
    if (holders) holders[r] = at;
  }
}

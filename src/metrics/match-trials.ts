/**
 * Two-alternative match-to-sample trials, coded as integers and halved as the reference halves them
 * (spec §4.4 F–G): no object is made per trial, so that a million trials take a fraction of a second.
 */
import { ascending, type Id } from '../data/ids.js';
import { quoted } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import { RandomState } from '../numerics/random/random-state.js';
import { type ChoiceShares, choiceShares } from './dprime.js';

/** Trials in file order, one entry each: the image, the object it shows, the other object offered, the choice. */
export interface MatchTrials {
  readonly stimulusIds: readonly Id[];
  readonly sample: readonly string[];
  readonly dist: readonly string[];
  readonly choice: readonly string[];
}

/** Trials coded as positions in `images` and `objects`, both ascending. */
export interface CodedTrials {
  readonly images: readonly Id[];
  readonly objects: readonly string[];
  /** Object that each image shows. */
  readonly truth: Int32Array;
  readonly image: Int32Array;
  readonly sample: Int32Array;
  /** −1 if the distractor is never shown and never chosen. */
  readonly dist: Int32Array;
  readonly choice: Int32Array;
}

/** @throws VentralError `trials-invalid` where there are no trials or an image is said to show two objects */
export function codeTrials(trials: MatchTrials): CodedTrials {
  if (trials.choice.length === 0) throw new VentralError('trials-invalid', 'There are no trials');
  const byImage = codes([trials.stimulusIds]);
  const byObject = codes([trials.sample, trials.choice, trials.dist]);
  const [images, [image]] = [byImage.values, byImage.columns];
  const [sample, choice, offered] = byObject.columns;
  const seen = new Uint8Array(byObject.values.length);
  const truth = new Int32Array(images.length).fill(-1);
  for (let i = 0; i < image.length; i++) {
    const known = truth[image[i]];
    if (known !== -1 && known !== sample[i]) throw twoObjects(trials, i, byObject.values[known]);
    truth[image[i]] = sample[i];
    seen[sample[i]] = 1;
    seen[choice[i]] = 1;
  }
  // An object that is a mere distractor has no column; objects keep their order.
  const kept = new Int32Array(byObject.values.length).fill(-1);
  const objects = byObject.values.filter((_, object) => seen[object]);
  let next = 0;
  for (let object = 0; object < kept.length; object++) if (seen[object]) kept[object] = next++;
  const again = (column: Int32Array) => column.map((object) => kept[object]);
  return {
    images,
    objects,
    truth: again(truth),
    image,
    sample: again(sample),
    dist: again(offered),
    choice: again(choice),
  };
}

function twoObjects(trials: MatchTrials, trial: number, known: string): VentralError {
  return new VentralError(
    'trials-invalid',
    `Trials show two objects in image ${quoted(trials.stimulusIds[trial])}: ${quoted(known)} and ${quoted(trials.sample[trial])}`,
    { field: 'sample_obj', expected: known, found: trials.sample[trial] },
  );
}

/** The distinct values of some columns, ascending, and the columns as positions among them. */
function codes<T extends Id>(columns: readonly (readonly T[])[]) {
  const known = new Map<T, number>();
  const coded = columns.map((column) => {
    const positions = new Int32Array(column.length);
    for (let i = 0; i < column.length; i++) {
      let position = known.get(column[i]);
      if (position === undefined) {
        position = known.size;
        known.set(column[i], position);
      }
      positions[i] = position;
    }
    return positions;
  });
  const first = [...known.keys()];
  const order = ascending(first);
  const rank = new Int32Array(order.length);
  order.forEach((from, to) => {
    rank[from] = to;
  });
  return {
    values: order.map((from) => first[from]),
    columns: coded.map((positions) => positions.map((position) => rank[position])),
  };
}

/** Halves that were already counted, so that a score and its ceiling shuffle the trials once. */
const counted = new WeakMap<MatchTrials, Map<string, HalvedTrials>>();

/** Coded trials and, once a repetition, the shares of choices in both halves. */
export interface HalvedTrials {
  readonly coded: CodedTrials;
  readonly halves: readonly (readonly [ChoiceShares, ChoiceShares])[];
}

/**
 * Codes, shuffles and counts the trials.
 * @throws as {@link codeTrials} and {@link sharesOfHalf}
 */
export function halveTrials(trials: MatchTrials, repetitions: number, seed: number): HalvedTrials {
  const ofTrials = counted.get(trials) ?? new Map<string, HalvedTrials>();
  counted.set(trials, ofTrials);
  const known = ofTrials.get(`${repetitions} ${seed}`);
  if (known) return known;
  const coded = codeTrials(trials);
  const halves = trialHalves(coded.image.length, repetitions, seed).map(
    ([first, second]) => [sharesOfHalf(coded, first), sharesOfHalf(coded, second)] as const,
  );
  ofTrials.set(`${repetitions} ${seed}`, { coded, halves });
  return { coded, halves };
}

/**
 * The trials of both halves, once a repetition: one shuffle of all trials each from one random stream,
 * cut in the middle (the odd trial falls to the second half).
 */
export function trialHalves(
  trials: number,
  repetitions: number,
  seed: number,
): (readonly [readonly number[], readonly number[]])[] {
  const random = new RandomState(seed);
  const middle = Math.floor(trials / 2);
  return Array.from({ length: repetitions }, () => {
    const order = random.permutation(trials);
    return [order.slice(0, middle), order.slice(middle)] as const;
  });
}

/**
 * Share of each choice among the trials of one half in which it was offered: image × object.
 * @throws VentralError `trials-invalid` for an image without a trial in the half, `metric-failed` for an object
 *   that is never chosen in it or that no image shows (d′ needs both)
 */
export function sharesOfHalf(trials: CodedTrials, half: readonly number[]): ChoiceShares {
  const { images, truth, image, sample, dist, choice } = trials;
  const objects = trials.objects.length;
  const chosen = new Float64Array(images.length * objects);
  const offered = new Float64Array(images.length * objects);
  for (const trial of half) {
    const row = image[trial] * objects;
    chosen[row + choice[trial]]++;
    offered[row + sample[trial]]++;
    if (dist[trial] !== -1) offered[row + dist[trial]]++;
  }
  checkHalf(trials, chosen);
  const shares = chosen.map((count, i) => (offered[i] > 0 ? count / offered[i] : Number.NaN));
  truth.forEach((object, row) => {
    shares[row * objects + object] = Number.NaN;
  });
  return choiceShares(truth, objects, shares);
}

function checkHalf({ images, objects, truth }: CodedTrials, chosen: Float64Array): void {
  const byImage = new Float64Array(images.length);
  const byObject = new Float64Array(objects.length);
  chosen.forEach((count, i) => {
    byImage[Math.floor(i / objects.length)] += count;
    byObject[i % objects.length] += count;
  });
  const lost = byImage.indexOf(0);
  if (lost !== -1) {
    throw new VentralError(
      'trials-invalid',
      `Image ${quoted(images[lost])} has no trial in one half of the trials, so the halves cannot be compared`,
      { field: 'stimulus_id', expected: 'trials of every image in both halves', found: 'none' },
    );
  }
  const never = byObject.indexOf(0);
  if (never !== -1) {
    throw new VentralError(
      'metric-failed',
      `Object ${quoted(objects[never])} is never chosen in one half of the trials, so its d′ is not defined`,
      { field: 'choice', expected: `some choice of ${quoted(objects[never])}`, found: 'none' },
    );
  }
  const shown = new Set(truth);
  const unseen = objects.findIndex((_, object) => !shown.has(object));
  if (unseen !== -1) {
    throw new VentralError(
      'metric-failed',
      `Object ${quoted(objects[unseen])} is chosen but no image shows it, so its d′ is not defined`,
      { field: 'sample_obj', expected: `an image of ${quoted(objects[unseen])}`, found: 'none' },
    );
  }
}

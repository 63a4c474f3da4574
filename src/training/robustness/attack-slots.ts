import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { sizeOf } from '../graph/static-graph.js';
import type { Answer, AttackTarget, Slope } from '../step/attacked-network.js';

/** One image in search of a place near it that a network takes for another class. */
export interface Search {
  readonly label: number;
  /** The place that is looked at next. */
  readonly picture: Float32Array;
  /** Whether the way on from there needs the gradient. */
  readonly uphill: boolean;
  /** Whether a place was taken for another class. */
  readonly fooled: boolean;
  /** Takes what the network says of the place, and goes to the next; true if the search is over. */
  see(seen: Seen): boolean;
}

/** What a network says of one image. */
export interface Seen {
  readonly loss: number;
  readonly fools: boolean;
  /** Of the loss with regard to the image; there where it was asked for. */
  readonly gradient?: Float32Array;
}

/** Who listens to a run of searches. */
export interface SearchListener {
  readonly signal?: AbortSignal | undefined;
  readonly ended?: (search: Search) => void;
  /** After each call of the network, and what ended with it. */
  readonly called?: () => void;
}

/**
 * Lets searches run side by side in the batches of a network, whose size is fixed: as soon as one is over, the
 * next takes its place. So an image that was fooled early costs no further pass, and no answer depends on it.
 */
export async function runSearches(
  target: AttackTarget,
  searches: AsyncIterator<Search>,
  { signal, ended, called }: SearchListener,
): Promise<void> {
  const [batch] = target.dims;
  const size = sizeOf(target.dims.slice(1));
  const pictures = new Float32Array(batch * size);
  const slots: (Search | undefined)[] = Array.from({ length: batch });
  const labels: number[] = Array.from({ length: batch }, () => 0);
  let more = true;
  for (;;) {
    if (signal?.aborted) throw VentralError.from(signal.reason);
    for (let slot = 0; slot < batch && more; slot++) {
      if (slots[slot]) continue;
      const next = await searches.next();
      more = !next.done;
      if (!next.done) slots[slot] = next.value;
    }
    if (slots.every((search) => search === undefined)) return;
    slots.forEach((search, slot) => {
      if (!search) return;
      pictures.set(search.picture, slot * size);
      labels[slot] = search.label;
    });
    const uphill = slots.some((search) => search?.uphill);
    const asked = { pictures, labels };
    const seen: Partial<Slope> & Answer = uphill
      ? await target.slope(asked)
      : await target.answer(asked);
    slots.forEach((search, slot) => {
      if (!search) return;
      const gradient = seen.gradient?.subarray(slot * size, (slot + 1) * size);
      const over = search.see({
        loss: seen.losses[slot],
        fools: seen.predicted[slot] !== search.label,
        ...present({ gradient }),
      });
      if (!over) return;
      slots[slot] = undefined;
      ended?.(search);
    });
    called?.();
  }
}

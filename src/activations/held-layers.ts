import { type Group, type SizedDemand, setsOf } from './reduction-plan.js';
import type { ActivationStore } from './scratch/activation-store.js';
import { type LayerTrials, sumTrials, type TrialSums } from './trials.js';

/** What is held of layers between passes and their reduction, by stimulus set and value. */

/** Activations. */
export type Stores = Map<string, ActivationStore>;

/** How values vary over trials. */
export type Sums = Map<string, TrialSums>;

/**
 * Prefetches the activations of a layer while another is reduced; errors appear when they are read.
 */
export async function readAhead(demand: SizedDemand | undefined, stores: Stores): Promise<void> {
  const own =
    demand &&
    setsOf([demand]).flatMap((set) =>
      demand.values.flatMap(({ id }) => stores.get(`${set} ${id}`) ?? []),
    );
  await Promise.allSettled((own ?? []).map((store) => store.readAhead()));
}

/** The trials behind a layer, over its stimulus sets; nothing where it depends on no random numbers. */
export function trialsOfDemand(
  { sets, values }: SizedDemand,
  sums: Sums,
): { readonly trials?: LayerTrials } {
  const [trials] = values.flatMap(({ computed }) => computed.trials ?? []);
  if (!trials) return {};
  const parts = sets.flatMap((set) =>
    values.flatMap(({ value }) => sums.get(`${set} ${value}`) ?? []),
  );
  return { trials: sumTrials(trials, parts) };
}

/** Closes what no later layer needs. */
export function letGo({ values }: SizedDemand, later: Group, stores: Stores): void {
  const needed = new Set(later.flatMap((each) => each.values.map(({ id }) => id)));
  const gone = new Set(values.filter(({ id }) => !needed.has(id)).map(({ id }) => id));
  for (const [key, store] of [...stores]) {
    if (!gone.has(key.slice(key.indexOf(' ') + 1))) continue;
    store.close();
    stores.delete(key);
  }
}

import { setImmediate as turn } from 'node:timers/promises';
import type { ModelCard } from '../../activations/card/card.js';
import type { components } from '../../api/schema.js';
import { type Standing as BoardStanding, standingOf } from '../../leaderboard/standing.js';
import type { HomeStore } from '../../store/home-store.js';
import type { Principal } from '../../store/records/principal.js';
import type { StoredScore } from '../../store/records/result-store.js';
import { type ScoreSummary, scoreSummaries } from '../../store/records/score-summaries.js';
import type { KnownGroups } from './group-service.js';
import type { BoardBenchmark } from './leaderboard-benchmarks.js';
import type { BoardParts, LeaderboardService } from './leaderboard-service.js';
import type { ModelService } from './model-service.js';

type Regions = components['schemas']['ModelRegions'];
type Region = Regions['regions'][number];
type Standing = components['schemas']['Standing'];
type Chosen = Region['chosen'][number];

const names = ['V1', 'V2', 'V4', 'IT', 'behavior', 'engineering'] as const;

/** Columns of a model whose places are looked for at once; the rest has none. */
const MOST_PLACED = 12;

/** Where a model stands region by region: what its page leads with. */
export class RegionService {
  readonly #store: HomeStore;
  readonly #models: ModelService;
  readonly #leaderboard: LeaderboardService;

  constructor(store: HomeStore, models: ModelService, leaderboard: LeaderboardService) {
    this.#store = store;
    this.#models = models;
    this.#leaderboard = leaderboard;
  }

  /**
   * The regions of a model that a principal may see, on the board that it sees.
   * @param simulated by default real benchmarks, or simulated ones where the model has no real score
   * @throws VentralError `not-found`
   */
  async read(principal: Principal, reference: string, simulated?: boolean): Promise<Regions> {
    const shipped = await this.#models.shipped(reference);
    const { id, card } = shipped
      ? { id: shipped.name, card: shipped.card }
      : await this.#models.get(principal, reference);
    const asked = [simulated ?? false, ...(simulated === undefined ? [true] : [])];
    for (const which of asked) {
      const parts = await this.#leaderboard.board(principal, { simulated: which });
      const there = parts.board.rows.some(({ model }) => model.id === id);
      if (there || which === asked.at(-1))
        return this.#regions(principal, { id, card: card as ModelCard | null }, parts, which);
    }
    throw new Error('unreachable');
  }

  async #regions(
    principal: Principal,
    { id, card }: { readonly id: string; readonly card: ModelCard | null },
    parts: BoardParts,
    simulated: boolean,
  ): Promise<Regions> {
    const { board, benchmarks } = parts;
    const row = board.rows.find(({ model }) => model.id === id);
    const scored = benchmarks.flatMap((benchmark) => {
      const score = row?.model.scores.get(benchmark.id);
      return score ? [{ benchmark, score }] : [];
    });
    const nodeOf = (name: string) => (simulated ? `simulated.${name}` : name);
    const averaged = names.map(nodeOf).filter((node) => row?.averages.get(node)?.value != null);
    const alone = new Set(
      board.nodes.flatMap(({ id, kind, parent }) =>
        kind === 'benchmark' && parent === null ? [id] : [],
      ),
    );
    const beside = scored
      .map(({ benchmark }) => benchmark.id)
      .filter((column) => alone.has(column));
    const placed = [...averaged, ...beside].slice(0, MOST_PLACED);
    const [summaries, map, groups] = await Promise.all([
      this.#summaries(scored.map(({ benchmark, score }) => [score.job, benchmark.benchmark])),
      this.#latestMap(principal, id),
      this.#leaderboard.groups(principal, { simulated }, parts, placed),
    ]);
    const standings = new Map<string, Standing>();
    for (const column of [...averaged, ...scored.map(({ benchmark }) => benchmark.id)]) {
      const found = standingOf(board, id, column);
      if (found) standings.set(column, standingShown(found, { id, column, groups }));
      // Of a thousand models one takes a millisecond.
      await turn();
    }
    const regions = names.flatMap((region): Region[] => {
      const scores = scored.flatMap(({ benchmark, score }) => {
        const standing = standings.get(benchmark.id);
        if (!standing || regionOf(benchmark) !== region) return [];
        const summary = summaries.get(`${score.job} ${benchmark.benchmark}`);
        return [scoreShown(benchmark, { score, standing, summary })];
      });
      const chosen = map?.chosen.filter(({ role }) => role === region).map(chosenShown) ?? [];
      if (scores.length === 0 && chosen.length === 0) return [];
      const standing = standings.get(nodeOf(region)) ?? null;
      return [{ region, standing, layers: layersOf(card, region), chosen, scores }];
    });
    return { simulated, total: board.rows.length, map: map?.job ?? null, regions };
  }

  async #summaries(
    scores: readonly (readonly [job: string, benchmark: string])[],
  ): Promise<ReadonlyMap<string, ScoreSummary>> {
    const found = await scoreSummaries(this.#store.database, scores);
    return new Map(found.map((each) => [`${each.job} ${each.benchmark}`, each]));
  }

  /** What the latest layer map of a model chose. */
  async #latestMap(principal: Principal, model: string): Promise<LatestMap | undefined> {
    const filter = { state: 'succeeded', model } as const;
    const { items } = await this.#store.jobs.list(principal, 'layer-map', filter, { limit: 1 });
    const job = items[0] && (await this.#store.jobs.findSeen(principal, items[0].id));
    if (job?.kind !== 'layer-map' || !job.result) return undefined;
    const chosen = Object.entries(job.result.chosen).map(([benchmark, { layer, tied, role }]) => ({
      ...{ benchmark, layer, tied: [...tied], role },
    }));
    return { job: job.id, chosen };
  }
}

interface LatestMap {
  readonly job: string;
  readonly chosen: readonly (Chosen & { readonly role: string | undefined })[];
}

const chosenShown = ({ benchmark, layer, tied }: Chosen): Chosen => ({ benchmark, layer, tied });

/** As the tree of the board has them. */
const regionOf = ({ region, metric }: BoardBenchmark) =>
  region ?? (metric === 'accuracy' || metric === 'cue-match' ? 'engineering' : 'behavior');

/** The layers that the card names for a region. */
function layersOf(card: ModelCard | null, region: (typeof names)[number]): string[] {
  if (region === 'engineering') return card?.logits ? [card.logits.layer] : [];
  const named = region === 'behavior' ? card?.readout : card?.region_layer_map?.[region];
  return named === undefined ? [] : [named].flat();
}

interface Placed {
  readonly id: string;
  readonly column: string;
  readonly groups: ReadonlyMap<string, KnownGroups>;
}

function standingShown(
  { ci, best, ...rest }: BoardStanding,
  { id, column, groups }: Placed,
): Standing {
  const known = groups.get(column);
  const ranks = known?.groups?.models.get(id)?.ranks;
  return {
    ...{ column, ...rest, ci: ci && [ci[0], ci[1]] },
    best: best && { model: best.model.id, name: best.model.name, value: best.value },
    ranks: ranks ? [ranks[0], ranks[1]] : null,
    ranksState: known?.state ?? null,
  };
}

interface Shown {
  readonly score: StoredScore;
  readonly standing: Standing;
  readonly summary: ScoreSummary | undefined;
}

function scoreShown(
  { benchmark, version, origin }: BoardBenchmark,
  { score: { selection, brought, job }, standing, summary }: Shown,
): Region['scores'][number] {
  const { layer = null, raw = null, ceiling = null, distribution } = summary ?? {};
  return {
    ...{ ...standing, benchmark, version, origin, selection, brought, job },
    ...{ layer, raw: raw?.value ?? null, ceiling: ceiling?.value ?? null },
    distribution: (distribution as components['schemas']['ScoreDistribution'] | undefined) ?? null,
  };
}

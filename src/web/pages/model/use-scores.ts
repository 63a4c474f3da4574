import { answer, client, type Schemas } from '../../client/client.js';
import { type Resource, useResource } from '../../parts/use-resource.js';

type Job = Schemas['Job'];

/** A score with the job that it came from. */
export interface ScoreOfJob {
  readonly score: Schemas['Score'];
  readonly job: Job;
}

/** The scores of a model that one may see. */
export interface ModelScores {
  /** One a benchmark: the latest at the card's input and layers, else the latest; a brought one only without another. */
  readonly present: readonly ScoreOfJob[];
  /** The others, newest first. */
  readonly others: readonly ScoreOfJob[];
  /** Benchmarks without any score, with why the latest job failed on them. */
  readonly failures: readonly {
    readonly benchmark: string;
    readonly problem: Schemas['Problem'];
    readonly job: string;
  }[];
  /** Jobs that wait or run. */
  readonly open: readonly Job[];
}

/** As many jobs as are looked at. */
const MOST = 200;

/** Asks for the scores of a model; those of a shipped one are the service's own too. */
export function useScores(model: Schemas['Model']): Resource<ModelScores> {
  const { id, owner, createdAt } = model;
  return useResource(
    async (signal) => {
      const page = (of?: string) =>
        answer(
          client.GET('/scores', {
            params: { query: { model: id, limit: MOST, ...(of ? { owner: of } : {}) } },
            signal,
          }),
        );
      const pages = await Promise.all([page(), ...(createdAt === null ? [page(owner)] : [])]);
      const jobs = new Map(pages.flatMap(({ items }) => items.map((job) => [job.id, job])));
      return sorted([...jobs.values()]);
    },
    [id, owner, createdAt],
  );
}

function sorted(jobs: readonly Job[]): ModelScores {
  const newest = jobs.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
  const all = newest.flatMap((job) => job.results.map((score) => ({ score, job })));
  const present = new Map<string, ScoreOfJob>();
  const own = all.filter(({ job }) => !job.brought);
  for (const one of [...own.filter(isAsCard), ...own, ...all.filter(isAsCard), ...all])
    if (!present.has(one.score.benchmark)) present.set(one.score.benchmark, one);
  const shown = new Set(present.values());
  const failed = newest.flatMap(({ id, failures }) =>
    failures.map((each) => ({ ...each, job: id })),
  );
  return {
    present: [...present.values()].sort((a, b) =>
      a.score.benchmark.localeCompare(b.score.benchmark),
    ),
    others: all.filter((one) => !shown.has(one)),
    failures: failed.filter(
      ({ benchmark }, i) =>
        !present.has(benchmark) && failed.findIndex((each) => each.benchmark === benchmark) === i,
    ),
    open: newest.filter(({ state }) => state === 'queued' || state === 'running'),
  };
}

/** Whether nothing but the card decided how the model was scored, as the leaderboard wants it. */
const isAsCard = ({ score, job }: ScoreOfJob) =>
  job.input === undefined && score.layerChoice.by !== 'flag';

import { useCallback, useEffect, useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { followEvents, type JobEvent } from '../../client/events.js';
import { isOpen } from '../../parts/job-state.js';
import type { ShownMap } from '../../parts/layer-map.js';

export type ScoreJob = Schemas['Job'];
export type MapJob = Schemas['LayerMapJob'];

/** The resources that a job page shows, as they stand in addresses. */
export type JobKind = 'scores' | 'layer-maps';

/** A job as it is now. */
export interface LiveJob {
  readonly job: ScoreJob | MapJob | undefined;
  /** Of a layer map that is being made: what is known of it. */
  readonly map: ShownMap | undefined;
  readonly error: Error | undefined;
  /** Whether the connection was lost, and is being sought again. */
  readonly lost: boolean;
  readonly cancel: () => Promise<void>;
}

type State = Omit<LiveJob, 'cancel'>;

const nothing: State = { job: undefined, map: undefined, error: undefined, lost: false };

/** Follows a job to its end, through dropped connections. */
export function useJob(kind: JobKind, id: string): LiveJob {
  const [state, setState] = useState(nothing);
  const change = useCallback(
    (more: Partial<State>) => setState((before) => ({ ...before, ...more })),
    [],
  );
  useEffect(() => {
    const ending = new AbortController();
    setState(nothing);
    follow(kind, id, setState, ending.signal).catch(
      (error) => ending.signal.aborted || change({ error }),
    );
    return () => ending.abort();
  }, [kind, id]);
  const cancel = useCallback(async () => {
    try {
      change({ job: await cancelJob(kind, id) });
    } catch (error) {
      change({ error: error as Error });
    }
  }, [kind, id]);
  return { ...state, cancel };
}

type Change = (next: (before: State) => State) => void;

async function follow(
  kind: JobKind,
  id: string,
  change: Change,
  signal: AbortSignal,
): Promise<void> {
  const read = async () => {
    const job = await getJob(kind, id, signal);
    // An answer that was under way for long does not open a job again that has ended since.
    change((before) => (before.job && !isOpen(before.job) ? before : { ...before, job }));
    return job;
  };
  if (!isOpen(await read())) return;
  // The job has the log and the times; a new stage is a new line of its log.
  let stage = '';
  const heard = (event: JobEvent) => {
    change((before) => after(before, event));
    const at = event.event === 'progress' ? (event.data as Schemas['Progress']).stage : stage;
    if (event.event === 'state' || at !== stage) read().catch(() => {});
    stage = at;
  };
  const lost = (is: boolean) => change((before) => ({ ...before, lost: is }));
  await followEvents(`/v1/${kind}/${encodeURIComponent(id)}/events`, heard, lost, signal);
  await read();
}

function getJob(kind: JobKind, id: string, signal: AbortSignal): Promise<ScoreJob | MapJob> {
  const asked = { params: { path: { job: id } }, signal };
  return kind === 'scores'
    ? answer(client.GET('/scores/{job}', asked))
    : answer(client.GET('/layer-maps/{job}', asked));
}

function cancelJob(kind: JobKind, id: string): Promise<ScoreJob | MapJob> {
  const asked = { params: { path: { job: id } } };
  return kind === 'scores'
    ? answer(client.DELETE('/scores/{job}', asked))
    : answer(client.DELETE('/layer-maps/{job}', asked));
}

/** What a change of state says, of jobs of either kind. */
type StateOfJob = Pick<ScoreJob, 'state' | 'attempt' | 'reason'>;

/** The state after an event. */
function after(before: State, { event, data }: JobEvent): State {
  const { job } = before;
  if (!job || !isOpen(job)) return before;
  if (event === 'state') return { ...before, job: { ...job, ...(data as Partial<StateOfJob>) } };
  if (event === 'progress')
    return { ...before, job: { ...job, progress: data as Schemas['Progress'] } };
  if (event !== 'result') return before;
  if ('results' in job) return { ...before, job: withScore(job, data as Schemas['Score']) };
  return { ...before, map: withPart(before.map, data as Partial<ShownMap>) };
}

function withScore(job: ScoreJob, score: Schemas['Score']): ScoreJob {
  const others = job.results.filter(({ benchmark }) => benchmark !== score.benchmark);
  const place = ({ benchmark }: Schemas['Score']) => job.benchmarks.indexOf(benchmark);
  return { ...job, results: [...others, score].sort((a, b) => place(a) - place(b)) };
}

/** A map with what is new of it: at first all rows, then rows with new cells, at last what was chosen. */
function withPart(map: ShownMap | undefined, part: Partial<ShownMap>): ShownMap {
  const rows = new Map((map?.layers ?? []).map((row) => [row.layer, row]));
  for (const row of part.layers ?? []) {
    const before = rows.get(row.layer);
    const units = row.units ?? before?.units ?? null;
    const components = { ...before?.components, ...row.components };
    rows.set(row.layer, {
      ...row,
      units,
      cells: { ...before?.cells, ...row.cells },
      ...(before?.components || row.components ? { components } : {}),
    });
  }
  const benchmarks = part.benchmarks ?? map?.benchmarks ?? [];
  const chosen = part.chosen ?? map?.chosen;
  const components = part.components ?? map?.components;
  return {
    benchmarks,
    layers: [...rows.values()],
    ...(chosen ? { chosen } : {}),
    ...(components ? { components } : {}),
  };
}

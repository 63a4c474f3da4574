import { useEffect, useRef, useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { followEvents } from '../../client/events.js';
import { isOpen } from '../../parts/job-state.js';

export type Training = Schemas['Training'];
export type TrainingEvent = Schemas['TrainingEvent'];

/** A training as far as it is known here. */
export interface Run {
  readonly id: string;
  readonly job: Training | undefined;
  /** All measurements, in order. */
  readonly events: readonly TrainingEvent[];
  readonly progress: Schemas['Progress'] | null;
  /** Whether the connection is lost; received events stay. */
  readonly lost: boolean;
  readonly error: Error | undefined;
}

/** Events within this time are drawn together. */
const DRAW_MS = 1000;

const unknown = (id: string): Run => ({
  ...{ id, job: undefined, events: [], progress: null, lost: false, error: undefined },
});

/**
 * Follows trainings: one that has ended is read once, one that continues is followed through dropped
 * connections, from its first event on, so that nothing is lost and nothing occurs twice.
 * @param ids may change; those that stay are not asked for again
 */
export function useRuns(ids: readonly string[]): readonly Run[] {
  const [runs, setRuns] = useState<ReadonlyMap<string, Run>>(new Map());
  const followed = useRef(new Map<string, AbortController>());
  useEffect(() => {
    for (const id of ids) {
      if (followed.current.has(id)) continue;
      const ending = new AbortController();
      followed.current.set(id, ending);
      const change = (part: Partial<Run>) =>
        ending.signal.aborted ||
        setRuns((before) =>
          new Map(before).set(id, { ...(before.get(id) ?? unknown(id)), ...part }),
        );
      follow(id, change, ending.signal).catch((error) => change({ error }));
    }
    for (const [id, ending] of followed.current) {
      if (ids.includes(id)) continue;
      ending.abort();
      followed.current.delete(id);
    }
  }, [ids.join(' ')]);
  useEffect(
    () => () => {
      for (const ending of followed.current.values()) ending.abort();
      followed.current.clear();
    },
    [],
  );
  return ids.map((id) => runs.get(id) ?? unknown(id));
}

async function follow(
  id: string,
  change: (part: Partial<Run>) => void,
  signal: AbortSignal,
): Promise<void> {
  let asked = 0;
  /** Only the answer to the latest request counts. */
  const read = async (): Promise<Training> => {
    const mine = ++asked;
    const job = await answer(
      client.GET('/trainings/{job}', { params: { path: { job: id } }, signal }),
    );
    if (mine === asked) change({ job });
    return job;
  };
  const job = await read();
  if (!isOpen(job)) return change({ events: job.curves });
  change({ progress: job.progress });
  const told: TrainingEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const draw = () => {
    timer = undefined;
    change({ events: [...told] });
  };
  let stage = job.progress?.stage;
  // What could not be read now is read at the end.
  const reread = () => void read().catch(() => {});
  await followEvents(
    job.links.events,
    ({ event, data }) => {
      if (event === 'metric') {
        told.push(data as TrainingEvent);
        timer ??= setTimeout(draw, DRAW_MS);
      } else if (event === 'progress') {
        const progress = data as Schemas['Progress'];
        change({ progress });
        // The log names each stage once.
        if (progress.stage !== stage) reread();
        stage = progress.stage;
      } else if (event === 'state') reread();
    },
    (lost) => change({ lost }),
    signal,
  );
  clearTimeout(timer);
  const { curves } = await read();
  change({ events: told.length > 0 ? told : curves, progress: null, lost: false });
}

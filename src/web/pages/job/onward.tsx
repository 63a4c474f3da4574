import { isOpen } from '../../parts/job-state.js';
import { useQuery } from '../../parts/query.js';
import type { JobKind, MapJob, ScoreJob } from './use-job.js';

interface OnwardProps {
  readonly kind: JobKind;
  readonly job: ScoreJob | MapJob;
}

/** Where one goes from here. */
export function Onward({ kind, job }: OnwardProps) {
  const [query] = useQuery();
  const model = encodeURIComponent(job.model);
  const map = query.get('map');
  const board = boardOf(job.benchmarks);
  return (
    <nav aria-label="Related pages" class="actions onward">
      <a class="button" href={`/models/${model}`}>
        Model
      </a>
      {kind === 'scores' && map && (
        <a class="button" href={`/layer-maps/${encodeURIComponent(map)}`}>
          Layer map
        </a>
      )}
      {!isOpen(job) && (
        <a class="button" href={`/compare?model=${model}${board && `&${board}`}`}>
          Compare with other models
        </a>
      )}
      {kind === 'scores' && !isOpen(job) && (
        <a class="button" href={board ? `/?${board}` : '/'}>
          Leaderboard
        </a>
      )}
    </nav>
  );
}

/** The query of the leaderboard on which scores on these benchmarks stand. */
function boardOf(benchmarks: readonly string[]): string {
  const query = new URLSearchParams();
  if (benchmarks.every((id) => id.startsWith('Simulated'))) query.set('simulated', 'true');
  if (benchmarks.every((id) => /^\w+public[.-]/.test(id))) query.set('set', 'public');
  return query.toString();
}

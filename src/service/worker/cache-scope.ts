import type { Job } from '../../store/jobs/job.js';
import type { Visibility } from '../../store/records/model-store.js';
import { localPrincipal } from '../../store/records/principal.js';

/**
 * What a job's measurements are cached under. Those of shipped and public models on shipped and public
 * benchmarks are shared; where anything of it is not for everybody they are the owner's own, for whether
 * an entry is there shows in how fast a job is, and in what it says it has measured. The one user of
 * a service without keys shares with the commands on the same home.
 * @param uses who may see each registration that the job needs
 */
export function cacheScope({ owner }: Job, uses: readonly Visibility[]): string {
  if (owner === localPrincipal.owner) return '';
  return uses.every((visibility) => visibility === 'public') ? 'public' : `owner ${owner}`;
}

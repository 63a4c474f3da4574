import type { Job } from '../../store/jobs/job.js';
import type { Visibility } from '../../store/records/model-store.js';
import { localPrincipal } from '../../store/records/principal.js';

/** An uploaded file that a job needs. */
export interface UsedFile {
  /** Visibility of its registration. */
  readonly visibility: Visibility;
  readonly digest: string;
}

/**
 * The cache scope and folder of a job's measurements; its process gets no other folder. An uploaded file may
 * hijack the process that reads it, which could then write wrong numbers into the cache. So a scope belongs to one
 * set of uploaded files: wrong numbers reach only jobs that these files could hijack anyway. Measurements of
 * public models on public benchmarks are shared; otherwise they are private to the owner, because cache hits show
 * in the speed and progress of a job. The one user of a service without keys shares what shipped models have on
 * shipped benchmarks with the commands on the same home.
 * @param uses each uploaded file that the job needs
 */
export function cacheScope({ owner }: Pick<Job, 'owner'>, uses: readonly UsedFile[]): string {
  const everybodys = uses.every(({ visibility }) => visibility === 'public');
  const whose = everybodys ? 'public' : `owner ${owner}`;
  const files = [...new Set(uses.map(({ digest }) => digest))].toSorted();
  if (owner === localPrincipal.owner && files.length === 0) return '';
  return [whose, ...files].join('\n');
}

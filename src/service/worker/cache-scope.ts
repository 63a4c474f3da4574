import type { Job } from '../../store/jobs/job.js';
import type { Visibility } from '../../store/records/model-store.js';
import { localPrincipal } from '../../store/records/principal.js';

/** An uploaded file that a job needs. */
export interface UsedFile {
  /** Who may see its registration. */
  readonly visibility: Visibility;
  readonly digest: string;
}

/**
 * What a job's measurements are cached under, and in which folder: its process is given no other one. An uploaded
 * file may take over the process that reads it, which could then write other numbers into the cache. So a scope
 * belongs to one set of uploaded files: what they write reaches jobs that they could have taken over anyway.
 * Those of public models on public benchmarks are shared; where anything of it is not for everybody they are
 * the owner's own, for whether an entry is there shows in how fast a job is, and in what it says it has measured.
 * The one user of a service without keys shares what shipped models have on shipped benchmarks with the commands on
 * the same home.
 * @param uses each uploaded file that the job needs
 */
export function cacheScope({ owner }: Pick<Job, 'owner'>, uses: readonly UsedFile[]): string {
  const everybodys = uses.every(({ visibility }) => visibility === 'public');
  const whose = everybodys ? 'public' : `owner ${owner}`;
  const files = [...new Set(uses.map(({ digest }) => digest))].toSorted();
  if (owner === localPrincipal.owner && files.length === 0) return '';
  return [whose, ...files].join('\n');
}

import { answer, client, type Schemas } from '../../client/client.js';

type Kind = Schemas['QueuedJob']['kind'];

export const kindNames: Readonly<Record<Kind, string>> = {
  score: 'Scores',
  'layer-map': 'Layer map',
  training: 'Training',
};

/** Where jobs of a kind stand, in addresses of pages and of the service. */
export const kindPaths = {
  score: 'scores',
  'layer-map': 'layer-maps',
  training: 'trainings',
} as const;

export function cancelJob({ kind, id }: { readonly kind: Kind; readonly id: string }) {
  const params = { path: { job: id } };
  if (kind === 'score') return answer(client.DELETE('/scores/{job}', { params }));
  if (kind === 'training') return answer(client.DELETE('/trainings/{job}', { params }));
  return answer(client.DELETE('/layer-maps/{job}', { params }));
}

/** The first benchmarks of a job. */
export function someOf(benchmarks: readonly string[]): string {
  if (benchmarks.length === 0) return '–';
  const more = benchmarks.length > 2 ? ` and ${benchmarks.length - 2} more` : '';
  return benchmarks.slice(0, 2).join(', ') + more;
}

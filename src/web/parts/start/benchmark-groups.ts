import type { Schemas } from '../../client/client.js';
import { metricWords } from '../words/metric-words.js';

export type Benchmark = Schemas['Benchmark'];
type Card = Schemas['Card'];

/** Roles of a layer map, along the ventral stream. */
export const roles = ['V1', 'V2', 'V4', 'IT', 'behavior'] as const;
export type Role = (typeof roles)[number];
/** Where benchmarks stand: those without a region, which are of behaviour, last. */
const places: readonly (string | null)[] = [...roles, null];

/** Benchmarks of one origin. */
export interface BenchmarkGroup {
  readonly title: string;
  readonly origin: Schemas['Origin'];
  readonly benchmarks: readonly Benchmark[];
}

/** Uploaded, real and simulated ones; real ones as far as their data are here. */
export function groupsOf(benchmarks: readonly Benchmark[]): BenchmarkGroup[] {
  const group = (title: string, origin: Schemas['Origin']) => ({
    ...{ title, origin },
    benchmarks: benchmarks
      .filter((each) => each.origin === origin && (each.upload || each.simulated || each.ready))
      .sort(alongTheStream),
  });
  return [
    group('Uploaded', 'uploaded'),
    group('Recorded', 'real'),
    group('Simulated', 'simulated'),
  ];
}

/** Public and private sets apart, each from V1 on. */
function alongTheStream(a: Benchmark, b: Benchmark): number {
  const place = ({ id, region }: Benchmark) =>
    (id.includes('public') ? 10 : 0) + places.indexOf(region);
  return place(a) - place(b) || a.id.localeCompare(b.id);
}

/** What people know a benchmark by; an upload by what it holds. */
export const nameOf = ({ id, upload, benchmarks }: Benchmark): string =>
  upload ? benchmarks.map((each) => each.id).join(', ') : id;

/** Whether layers can be mapped on it: not if it compares the network's own choices. */
export const isMappable = ({ metric }: Benchmark): boolean =>
  !['label', 'choices'].includes(metricWords(metric).kind);

/** What the card would need to say for a benchmark; undefined if it says it. */
export function lacking(benchmark: Benchmark, card: Card): string | undefined {
  const { region, upload } = benchmark;
  if (upload) return undefined;
  if (!isMappable(benchmark)) return card.logits ? undefined : 'logits';
  const role = roles.find((one) => one === region) ?? 'behavior';
  const what = role === 'behavior' ? 'a read-out' : `a layer for ${role}`;
  return layerFor(role, card) ? undefined : what;
}

/** What the card gives for a region, or for behaviour. */
export function layerFor(role: Role, card: Card): unknown {
  if (role === 'behavior') return card.readout ?? card.layers;
  return (card.region_layer_map as Readonly<Record<string, unknown>> | undefined)?.[role];
}

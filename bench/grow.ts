import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Growth } from './growth/line.js';
import { growthOf } from './growth/line.js';
import { metricGrowth } from './growth/metric-growth.js';
import { serviceGrowth } from './growth/service-growth.js';
import { growth } from './growth.js';
import { keptResults, machineName, resultOptions, writeResults } from './results-file.js';

/**
 * How time grows: maps with stimuli and with benchmarks (bench/growth.ts), `ridgecv` with subjects and penalties, the
 * service with models, jobs and changes. `bench/growth-figure.ts` draws what is kept.
 *
 *   node dist/bench/grow.js [--only map,metric,service] [--short] [--save]
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'map,metric,service' },
    short: { type: 'boolean', default: false },
    ...resultOptions,
  },
});

/** Seconds of activations and metric alone. */
async function mapGrowth(folder: string): Promise<Growth[]> {
  const lines = await growth(folder, ['stimuli', 'benchmarks']);
  return lines.map(({ what, points }) =>
    growthOf(
      what === 'benchmarks' ? 'benchmarks a map' : what,
      'a map of 12 layers',
      's',
      points.map(({ size, seconds }) => ({ size, value: seconds })),
    ),
  );
}

/** What is kept of all that grows on one machine. */
export interface KeptGrowth {
  readonly machine: string;
  readonly lines: readonly (Growth & { readonly load: number })[];
}

const folder = mkdtempSync(join(tmpdir(), 'ventral-growth-'));
const found: (Growth & { load: number })[] = [];
try {
  const wanted = values.only.split(',');
  const add = (lines: readonly Growth[]) => {
    for (const line of lines) {
      const points = line.points.map(({ size, value }) => `${size}: ${value.toPrecision(3)}`);
      console.log(
        `${line.axis}, ${line.measured}: n^${line.exponent.all.toFixed(2)}, at the end n^${line.exponent.last.toFixed(2)}; ${line.unit} ${points.join(', ')}`,
      );
      found.push({ ...line, load: loadavg()[0] });
    }
  };
  if (wanted.includes('metric')) add(await metricGrowth(values.short));
  if (wanted.includes('service')) add(await serviceGrowth(join(folder, 'service'), values.short));
  if (wanted.includes('map')) add(await mapGrowth(join(folder, 'map')));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const kept = keptResults<KeptGrowth>('growth')?.lines ?? [];
const others = kept.filter(
  (line) => !found.some(({ axis, measured }) => axis === line.axis && measured === line.measured),
);
writeResults('growth', { machine: machineName(), lines: [...others, ...found] }, values);

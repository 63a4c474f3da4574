import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import { numbers, type OracleArray } from '../oracle.js';

/** Recorded properties as the golden cases hold them, by assembly. */
export interface RecordedProperties {
  readonly columns: readonly string[];
  readonly values: OracleArray;
}

/**
 * Writes the shipped property benchmarks again with a golden case's neurons (as CSV) and seeds, and gives
 * their files.
 */
export function propertyBenchmarks(
  folder: string,
  of: {
    readonly data: Readonly<Record<string, RecordedProperties>>;
    readonly seeds: Readonly<Record<string, number>>;
    readonly textures?: { readonly csv: string };
  },
): { readonly id: string; readonly path: string }[] {
  for (const [name, { columns, values }] of Object.entries(of.data)) {
    const cells = numbers(values);
    const rows = Array.from({ length: values.shape[0] }, (_, row) =>
      columns
        .map((_, k) => cells[row * columns.length + k])
        .map((value) => (Number.isNaN(value) ? '' : String(value)))
        .join(),
    );
    writeFileSync(join(folder, `${name}.csv`), [columns.join(), ...rows, ''].join('\n'));
  }
  return Object.entries(of.seeds).map(([id, seed]) => {
    const shipped = listBenchmarks().find((each) => each.id === id);
    const distribution = shipped?.distribution;
    if (!distribution) throw new Error(`${id} is not shipped`);
    const { property, bins } = distribution;
    const assembly = Object.keys(of.data).find((name) => of.data[name].columns.includes(property));
    const gratings = { gratings: 'marques2020' };
    const path = join(folder, `${id}.yaml`);
    writeFileSync(
      path,
      JSON.stringify({
        identifier: id,
        version: 1,
        regions: ['V1'],
        ...(shipped.fittingStimuli && of.textures
          ? { stimuli: of.textures, fitting_stimuli: gratings }
          : { stimuli: gratings }),
        distribution: { property, bins, neurons: `${assembly}.csv` },
        metric: { name: 'distribution-similarity', seed },
      }),
    );
    return { id, path };
  });
}

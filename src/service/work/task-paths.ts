import { dirname, isAbsolute, join } from 'node:path';
import { picturesFolder } from '../../scoring/benchmark/fitting-pictures.js';
import { listBenchmarks } from '../../scoring/registry/registry.js';
import type { TaskPaths } from '../child/visible-paths.js';

/** Paths in the task of a process that measures. */
export interface MeasuringTask {
  readonly home: string;
  /** Path of the ONNX file or of a card, or the name of a shipped model. */
  readonly model?: string;
  /** Paths of benchmark files, and names of shipped benchmarks. */
  readonly benchmarks?: readonly string[];
}

/**
 * What such a process sees of a home: its model and benchmarks, the data of the catalog and what was verified of it, the
 * images of ImageNet that components are fitted on, and generated data. Only a process that opens no uploaded file writes the
 * latter: an uploaded file could otherwise change the data of others.
 */
export function measuringPaths({ home, model, benchmarks = [] }: MeasuringTask): TaskPaths {
  const named = [...(model === undefined ? [] : [model]), ...benchmarks];
  const made = join(home, 'cache', 'simulated');
  const trusted = named.every(isShipped);
  return {
    reads: [
      ...named.filter(isAbsolute).map((path) => (path === model ? path : dirname(path))),
      join(home, 'data'),
      join(home, 'verified'),
      picturesFolder(home),
      ...(trusted ? [] : [made]),
    ],
    writes: trusted ? [made] : [],
  };
}

const isShipped = (reference: string): boolean =>
  !isAbsolute(reference) || listBenchmarks().some(({ file }) => file === reference);

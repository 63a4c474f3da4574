import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ContentCache } from '../src/activations/cache/content-cache.js';
import { peakRssMiB } from '../src/runtime/peak-memory.js';
import { Work } from '../src/runtime/work.js';
import { mapLayers } from '../src/scoring/map/layer-map.js';

/** A map to be measured in this process. */
export interface MapTask {
  readonly model: string;
  /** One file of benchmarks, or several. */
  readonly benchmark: string | readonly string[];
  readonly home: string;
  readonly layers?: readonly string[];
  readonly maxMemory?: number;
  readonly maxScratch?: number;
  readonly card?: string;
}

/** What it took. */
export interface MeasuredMap {
  readonly layers: number;
  readonly benchmarks: number;
  readonly units: number;
  readonly passes: number;
  /** From the request to the map. */
  readonly seconds: number;
  /** Of the whole process, its start included. */
  readonly wall: number;
  readonly peakMiB: number;
  readonly plannedMiB: number;
  readonly plannedScratchMiB: number;
  /** Scratch files at the largest, looked at after every batch. */
  readonly scratchMiB: number;
  /** Seconds in which each stage was the last that was told of. */
  readonly stages: Readonly<Record<string, number>>;
}

/** Maps a model and measures time and memory. */
export async function measureMap(task: MapTask): Promise<MeasuredMap> {
  mkdirSync(task.home, { recursive: true });
  const started = performance.now();
  const stages: Record<string, number> = {};
  let stage = { name: 'start', since: started };
  const enter = (name: string) => {
    const now = performance.now();
    stages[stage.name] = (stages[stage.name] ?? 0) + (now - stage.since) / 1000;
    stage = { name, since: now };
  };
  let scratch = 0;
  const look = () => {
    scratch = Math.max(scratch, bytesIn(join(task.home, 'tmp')));
  };
  const { map } = await mapLayers(
    {
      model: { path: task.model, ...(task.card ? { file: task.card } : {}) },
      benchmarks: [task.benchmark].flat(),
      ...(task.layers ? { layers: task.layers } : {}),
    },
    {
      home: task.home,
      threads: availableParallelism(),
      maxMemory: task.maxMemory ?? 2 * 2 ** 30,
      maxScratch: task.maxScratch ?? 10 * 2 ** 30,
      cache: await ContentCache.open(task.home),
      progress: Work.start((progress) => {
        enter(progress.stage);
        look();
      }),
    },
  );
  enter('end');
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
  return {
    layers: map.layers.length,
    benchmarks: map.benchmarks.length,
    units: map.layers.reduce((sum, { units }) => sum + (units ?? 0), 0),
    passes: map.plan.sets.reduce((sum, { passes }) => sum + passes.length, 0),
    seconds: (performance.now() - started) / 1000,
    wall: performance.now() / 1000,
    peakMiB: peakRssMiB(),
    plannedMiB: mib(map.plan.memory),
    plannedScratchMiB: mib(map.plan.scratch),
    scratchMiB: mib(scratch),
    stages,
  };
}

function bytesIn(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ContentCache } from '../src/activations/cache/content-cache.js';
import { packageRoot } from '../src/formats/package-root.js';
import { runtimeIdentity } from '../src/runtime/session.js';
import { type Progress, Work } from '../src/runtime/work.js';
import { catalogEntriesOf } from '../src/scoring/benchmark/benchmark-data.js';
import { mapLayers } from '../src/scoring/map/layer-map.js';
import { scoreModel } from '../src/scoring/model/score-model.js';
import { loadBenchmarks } from '../src/scoring/registry/load-benchmark.js';
import { listBenchmarks } from '../src/scoring/registry/registry.js';
import { parseRecipe } from '../src/training/recipe/parse-recipe.js';
import { runRecipe } from '../src/training/run/run-recipe.js';
import { writeMadeSet } from './made-set.js';
import { inOwnProcess } from './own-process.js';

/**
 * How true the remaining time of long jobs is: a layer map, scores on many benchmarks, single-neuron properties, a training
 * with its evaluation. Each runs once in a process of its own, with its data made before. At every twentieth of its time,
 * from a tenth on, the remaining time that it told last is compared with the rest that it took.
 *
 *   node dist/bench/progress.js [--only map,scores,properties,training] [--light] [--save]
 */

/** A job to run. */
interface Task {
  readonly job: keyof typeof jobs;
  readonly light: boolean;
}

type Report = Pick<Progress, 'stage' | 'share' | 'etaSeconds'> & { readonly at: number };

interface Ran {
  readonly seconds: number;
  readonly reports: readonly Report[];
}

/** What a job runs in. */
interface Place {
  readonly folder: string;
  readonly light: boolean;
  /** Begins the clock. */
  start(): Work;
}

const limits = {
  threads: availableParallelism(),
  maxMemory: 2 * 2 ** 30,
  maxScratch: 10 * 2 ** 30,
};

const contextOf = async (home: string) => {
  mkdirSync(home, { recursive: true });
  return { ...limits, home, cache: await ContentCache.open(home, { maxBytes: 2 ** 31 }) };
};

async function scoreOn(model: string, benchmarks: readonly string[], { folder, start }: Place) {
  const context = await contextOf(join(folder, 'home'));
  // Makes the simulated data.
  await (
    await loadBenchmarks(benchmarks, context, (_, error) => {
      throw error;
    })
  ).close();
  const progress = start();
  const { failures } = await scoreModel(
    { model: { path: model }, benchmarks },
    { ...context, progress },
  );
  for (const { error } of failures) throw error;
}

const jobs = {
  async map({ folder, light, start }: Place) {
    const set = { stimuli: light ? 120 : 315, regions: { V1: 102, V2: 103 }, repetitions: 5 };
    const made = { ...set, side: 256, classes: 15, degrees: 4 };
    const benchmark = await writeMadeSet(join(folder, 'set'), made);
    const context = { ...(await contextOf(join(folder, 'home'))), progress: start() };
    await mapLayers({ model: { path: 'efficientnet-b1' }, benchmarks: [benchmark] }, context);
  },
  async scores(place: Place) {
    const regions = ['V1', 'V2', 'V4', 'IT'].map((region) => `Simulated.${region}-pls`);
    const all = [...regions, 'Simulated-i2n', 'Simulatedpublic.V4-pls', 'Simulatedpublic-i2n'];
    await scoreOn(place.light ? 'objects-resnet' : 'resnet-50', all, place);
  },
  async properties(place: Place) {
    const here = listBenchmarks().filter((each) => catalogEntriesOf(each).length === 0);
    const ids = here.map(({ id }) => id).filter((id) => id.startsWith('Marques2020_'));
    await scoreOn('gabor-v1', ids, place);
  },
  async training({ folder, light, start }: Place) {
    const set = { generate: 'objects-on-backgrounds', count: light ? 300 : 1500, side: 64 };
    const recipe = {
      name: 'progress',
      model: 'untrained.yaml',
      weights: 'redrawn',
      data: { train: { ...set, seed: 1 }, test: { ...set, seed: 2, count: 300 } },
      stages: [
        { train: { name: 'first', epochs: 8, batch: 32, rate: 0.05, augment: [] } },
        {
          evaluate: {
            checkpoints: ['first'],
            threats: [{ norm: 'Linf', epsilon: '4/255' }],
            count: light ? 32 : 128,
            attacks: ['fgsm', 'pgd-20'],
          },
        },
      ],
    };
    const parsed = parseRecipe(JSON.stringify(recipe), 'progress.yaml');
    const base = join(packageRoot, 'models', 'objects-resnet');
    const places = { base, folder: join(folder, 'run') };
    const { signal } = new AbortController();
    await runRecipe(parsed, places, {
      ...{ ...limits, home: join(folder, 'home'), signal },
      progress: start(),
    });
  },
};

async function run({ job, light }: Task): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), 'ventral-progress-'));
  const reports: Report[] = [];
  let started = 0;
  const now = () => (performance.now() - started) / 1000;
  const start = () => {
    started = performance.now();
    return Work.start(({ stage, share, etaSeconds }) => {
      reports.push({ at: now(), stage, share, etaSeconds });
    });
  };
  try {
    await jobs[job]({ folder, light, start });
    return { seconds: now(), reports };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Below so many seconds a remaining time is not compared: it is told in whole seconds. */
const LEAST = 2;

/** The remaining times from a tenth of the way on, with those that were true. */
function judged({ seconds, reports }: Ran) {
  const looks = Array.from({ length: 18 }, (_, i) => (seconds * (i + 2)) / 20);
  return looks.flatMap((at) => {
    const rest = seconds - at;
    const last = reports.findLast((report) => report.at <= at);
    if (rest < LEAST || !last) return [];
    const told = last.etaSeconds === null ? null : Math.max(0, last.etaSeconds - (at - last.at));
    const { stage, share } = last;
    const error = told === null ? null : round(told / rest - 1);
    return [
      { at: round(at / seconds), stage, share: round(share), told, rest: round(rest), error },
    ];
  });
}

const round = (value: number) => Math.round(value * 100) / 100;

function report(names: readonly string[], light: boolean) {
  return names.map((job) => {
    const before = loadavg()[0];
    const ran = inOwnProcess<Ran>('run', { job, light }, 'progress');
    const looks = judged(ran);
    const errors = looks.map(({ error }) => Math.abs(error ?? Number.POSITIVE_INFINITY));
    const worst = round(Math.max(...errors));
    const within = errors.filter((error) => error <= 0.3).length / errors.length;
    const load = [round(before), round(loadavg()[0])];
    console.log(
      `${job}: ${Math.round(ran.seconds)} s; ${Math.round(100 * within)} % of the remaining times within 30 %, the worst ${Math.round(100 * worst)} % off (load ${load.join(' to ')})`,
    );
    return { job, seconds: round(ran.seconds), load, worst, within: round(within), looks };
  });
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    part: { type: 'string' },
    only: { type: 'string', default: Object.keys(jobs).join() },
    light: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
if (values.part) console.log(JSON.stringify(await run(JSON.parse(positionals[0]) as Task)));
else {
  const result = {
    computer: { processor: cpus()[0]?.model, cores: cpus().length },
    runtime: runtimeIdentity(limits.threads),
    light: values.light,
    jobs: report(values.only.split(','), values.light),
  };
  const path = join(packageRoot, 'bench', 'results', 'progress.json');
  if (values.save) writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
}

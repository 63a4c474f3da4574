import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { VentralError } from '../../errors/ventral-error.js';
import { packageVersion } from '../../formats/package-root.js';
import { runtimeIdentity } from '../../runtime/session.js';
import type { Work } from '../../runtime/work.js';
import type { RunResources } from '../run/run-context.js';
import { runInThread } from '../run/run-in-thread.js';
import { keepResolved, type RunPlaces, type runRecipe } from '../run/run-recipe.js';
import { RESOLVED } from '../run/write-report.js';
import { type Ablation, type AblationFamily, BASE } from './ablation.js';
import { type Arm, armsOf, type Direction } from './arms.js';
import { type AblationCell, endsAll, failedCell, isDone, readAblationCell } from './cells.js';
import { type Table, tablesOf } from './tables.js';
import { Times, type Took } from './times.js';

/** An ablation that was run. */
export interface AblationResult {
  readonly name: string;
  readonly direction: Direction;
  readonly seeds: readonly number[];
  readonly arms: readonly Pick<Arm, 'id' | 'title' | 'table'>[];
  readonly cells: readonly AblationCell[];
  readonly tables: readonly Table[];
  readonly versions: Readonly<Record<string, string>>;
  /** Of data and networks, by name. */
  readonly digests: Readonly<Record<string, string>>;
  /** Seconds of all runs, over all starts; not part of the reproducible result. */
  readonly took: Took;
}

/** Options of an ablation. */
export interface AblationOptions extends RunResources {
  readonly direction: Direction;
  /** Name of the ablation's file in messages. */
  readonly file: string;
  /** Runs a recipe; by default in a separate thread. */
  readonly run?: typeof runRecipe;
}

/** Whether a folder has files of an ablation. */
export const isAblation = (folder: string): boolean => existsSync(join(folder, RESOLVED));

/**
 * Trains and measures every arm on every family from every seed, each a run of its own in `<family>/<arm>/seed-<n>`, or
 * continues where the ablation in that folder stands. Stages that runs have in common are trained once. A run that
 * fails is a missing cell with its reason.
 * @throws VentralError `recipe-invalid` where an arm makes no recipe, or the folder holds another ablation;
 * `interrupted`, `disk-full`; what keeps the base from beginning
 */
export async function runAblation(
  ablation: Ablation,
  { base, folder }: RunPlaces,
  { direction, file, run = runInThread, ...resources }: AblationOptions,
): Promise<AblationResult> {
  const arms = armsOf(ablation, direction, file);
  await mkdir(folder, { recursive: true });
  const { ort, ...where } = runtimeIdentity(resources.threads);
  const versions = { ventral: packageVersion, 'onnxruntime-node': ort, ...where };
  await keepResolved(folder, stringify({ ...ablation, direction, versions }));
  const runs = runsOf(ablation, arms, folder);
  const times = await Times.open(folder);
  const parts = partsOf(runs, resources.progress);
  const cells: AblationCell[] = [];
  for (const each of runs) {
    const recipe = each.arm.recipe(each.family, each.seed);
    const place = { family: each.family.name, arm: each.arm.id, seed: each.seed };
    const attempt = async (): Promise<AblationCell> => {
      if (!isDone(each.folder)) {
        const shared = join(folder, 'shared');
        const own = { ...resources, shared, progress: parts.get(each) };
        await times.of(() => run(recipe, { base, folder: each.folder }, own));
        parts.get(each)?.end();
      }
      return readAblationCell(each.folder, recipe, place);
    };
    cells.push(
      await attempt().catch((thrown) => {
        const error = VentralError.from(thrown);
        if (endsAll(error, each.arm.id === BASE)) throw error;
        parts.get(each)?.end();
        return failedCell(place, error.message);
      }),
    );
  }
  const { name, seeds } = ablation;
  return {
    name,
    direction,
    seeds,
    arms: arms.map(({ id, title, table }) => ({ id, title, table })),
    cells,
    tables: tablesOf(ablation, arms, cells),
    versions: Object.fromEntries(Object.entries(versions).map(([k, v]) => [k, String(v)])),
    digests: await digestsOf(runs),
    took: times.total,
  };
}

/** One network to train and measure. */
interface AblationRun {
  readonly family: AblationFamily;
  readonly arm: Arm;
  readonly seed: number;
  readonly folder: string;
}

/** A part of the work for each run that is still to be done. */
function partsOf(
  runs: readonly AblationRun[],
  progress: RunResources['progress'],
): ReadonlyMap<AblationRun, Work> {
  const open = runs.filter(({ folder }) => !isDone(folder));
  const names = open.map(({ family, arm, seed }, i) => {
    const which = open.length > 1 ? `run ${i + 1} of ${open.length}, ` : '';
    return `${which}${family.name} ${arm.id} seed ${seed}`;
  });
  const parts = progress?.parts(names) ?? [];
  progress?.planned();
  return new Map(parts.map((part, i) => [open[i], part]));
}

/** Seed by seed, so that an ablation that was broken off has whole seeds. */
function runsOf(
  { seeds, families }: Ablation,
  arms: readonly Arm[],
  folder: string,
): AblationRun[] {
  return seeds.flatMap((seed) =>
    families.flatMap((family) =>
      arms.map((arm) => ({
        family,
        arm,
        seed,
        folder: join(folder, family.name, arm.id, `seed-${seed}`),
      })),
    ),
  );
}

/** Digests of the data, which all runs have in common, and of each family's network. */
async function digestsOf(runs: readonly AblationRun[]): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const { family, folder } of runs) {
    const name = `network ${family.name}`;
    const path = join(folder, RESOLVED);
    if (digests[name] !== undefined || !existsSync(path)) continue;
    const { model, ...data } = parse(await readFile(path, 'utf8')).digests;
    digests[name] = model;
    for (const [set, digest] of Object.entries(data)) digests[`${set} pictures`] = String(digest);
  }
  return digests;
}

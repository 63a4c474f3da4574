import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { packageVersion } from '../../formats/package-root.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { runtimeIdentity } from '../../runtime/session.js';
import type { TrainStage } from '../recipe/recipe.js';
import { readMetrics } from '../record/metrics-log.js';
import type { TrainingEvent } from '../record/training-event.js';
import type { RunContext } from './run-context.js';
import { metricsPath } from './run-folder.js';
import { type StageStart, trainStage } from './train-stage.js';

/** A train stage that is done: all that a run that trained it itself would have. */
interface SharedStage {
  /** File of the stage's network, as in a run folder. */
  readonly file: string;
  readonly events: readonly TrainingEvent[];
}

/** Written last: without it a folder holds no stage. */
const RECORD = 'stage.json';

/**
 * Trains a stage, or takes over what a run that shares its stages with this one trained from the same bytes in the
 * same way: checkpoints and events, so that the run folder has the bytes that training would have left in it.
 * @returns file of the stage's network
 */
export async function trainOnce(
  stage: TrainStage,
  start: StageStart,
  context: RunContext,
): Promise<string> {
  if (context.shared === undefined) return trainStage(stage, start, context);
  const place = join(context.shared, keyOf(stage, start.bytes, context));
  // A stage that this run has started continues here: its log holds a part of it.
  const begun = start.progress !== undefined || start.done > 0;
  if (!begun && existsSync(join(place, RECORD))) return takeOver(place, context);
  const file = await trainStage(stage, start, context);
  if (!existsSync(join(place, RECORD))) await share(place, stage, file, context);
  return file;
}

/** Digest of all that the bits of a stage depend on; what came before it is in the bytes that it starts with. */
function keyOf(
  stage: TrainStage,
  bytes: Uint8Array,
  { recipe, data, threads, provider = 'cpu' }: RunContext,
): string {
  const from = createHash('sha256').update(bytes).digest('hex');
  const { train, validation } = data.digests;
  const { seed } = recipe;
  const depends = {
    stage,
    from,
    seed,
    data: { train, validation, split: recipe.data.validation },
    versions: { ventral: packageVersion, ...runtimeIdentity(threads), provider },
  };
  return createHash('sha256').update(JSON.stringify(depends)).digest('hex').slice(0, 32);
}

async function share(
  place: string,
  stage: TrainStage,
  file: string,
  { folder }: RunContext,
): Promise<void> {
  const events = (await readMetrics(metricsPath(folder.path))).filter(
    (event) => 'stage' in event && event.stage === stage.name,
  );
  await mkdir(join(place, 'checkpoints'), { recursive: true });
  for (const name of filesOf({ file, events }))
    await sameFile(join(folder.path, name), join(place, name));
  const record: SharedStage = { file, events };
  await writeFileAtomic(join(place, RECORD), JSON.stringify(record));
}

async function takeOver(place: string, { folder }: RunContext): Promise<string> {
  const record: SharedStage = JSON.parse(await readFile(join(place, RECORD), 'utf8'));
  for (const name of filesOf(record)) await sameFile(join(place, name), join(folder.path, name));
  for (const event of record.events) await folder.record(event);
  return record.file;
}

function filesOf({ file, events }: SharedStage): Set<string> {
  const epochs = events.flatMap((event) => (event.kind === 'epoch' ? [event.checkpoint] : []));
  return new Set([...epochs, file]);
}

/** One file under two names where the file system has that: checkpoints are replaced, never changed. */
async function sameFile(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await link(from, to).catch(() => copyFile(from, to));
}

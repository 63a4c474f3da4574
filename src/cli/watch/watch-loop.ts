import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CardSource } from '../../activations/model-file.js';
import type { ErrorCode } from '../../errors/codes.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { inspectFile } from '../../importing/checkpoint/unfinished.js';
import { digestOfFile } from '../../store/files/file-digest.js';
import { visibleText } from '../terminal/error-text.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';
import { runOf } from './checkpoint-name.js';
import type { CheckpointScorer, CheckpointScores } from './checkpoint-scorer.js';
import { networkOf, progressOf, type WeightsOptions } from './import-taken.js';
import { type FoundFile, scanRuns } from './scan-runs.js';
import {
  currentSignature,
  signatureOfParts,
  type TakenCheckpoint,
  takeCheckpoint,
} from './take-checkpoint.js';
import { about, fatal, isPassing, passing, plain } from './trouble.js';
import type { WatchedResult, WatchState } from './watch-state.js';

/** What a watch is to do. */
export interface WatchPlan {
  /** Real path of the folder. */
  readonly root: string;
  /** Its name, for runs whose checkpoints lie in it. */
  readonly name: string;
  readonly wanted: (name: string) => boolean;
  readonly weights: WeightsOptions;
  /** Card of weights, and of ONNX files where it is given. */
  readonly card: CardSource;
  /** Card of ONNX files. */
  readonly ownCard: CardSource;
  /** Milliseconds between two looks. */
  readonly interval: number;
  /** Milliseconds before what failed for want of disk, service or queue is tried again; doubled each time. */
  readonly pause?: number;
  /** Ends once what is there was scored. */
  readonly once: boolean;
  readonly home: string;
  readonly maxScratch: number;
  readonly threads: number;
}

/** How many checkpoints there were. */
export interface WatchCount {
  readonly scored: number;
  readonly failed: number;
  readonly waiting: number;
}

/** How often a process may die over a checkpoint, as over a job of the queue. */
const MOST_DEATHS = 3;
/** Milliseconds after which an incomplete file that does not grow is reported as damaged. */
const PATIENCE_MS = 600_000;
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 600_000;
/** Looks of `--once` at a file that is being written. */
const MOST_LOOKS = 3;

/** What the looks at a file have shown. */
interface Looked {
  readonly signature: string;
  /** Files of its external data, once the file was read. */
  parts: readonly string[];
  /** Signature of these. */
  partsSignature: string;
  /** Looks at this version. */
  count: number;
  state: 'new' | 'waiting' | 'failed' | 'done';
  /** Why it is waited for. */
  why: string;
  /** When it was first seen like this. */
  readonly since: number;
}

interface WatchTools {
  readonly state: WatchState;
  readonly scorer: CheckpointScorer;
  readonly told: (result: WatchedResult) => Promise<void>;
  readonly io: Io;
  readonly signal: AbortSignal;
}

/** Looks into a folder again and again, and scores each new checkpoint once. */
export class WatchLoop {
  readonly #plan: WatchPlan;
  readonly #tools: WatchTools;
  readonly #looked = new Map<string, Looked>();
  readonly #said = new Set<string>();
  #scored = 0;
  #pausedUntil = 0;
  #pause: number;

  constructor(plan: WatchPlan, tools: WatchTools) {
    this.#plan = plan;
    this.#pause = plan.pause ?? FIRST_PAUSE_MS;
    this.#tools = tools;
  }

  /** Counts of this process; failures are those of files that are there. */
  get count(): WatchCount {
    const states = [...this.#looked.values()].map(({ state }) => state);
    const of = (...wanted: Looked['state'][]) =>
      states.filter((state) => wanted.includes(state)).length;
    return { scored: this.#scored, failed: of('failed'), waiting: of('new', 'waiting') };
  }

  /** @throws VentralError `interrupted`, and what ends every score */
  async run(): Promise<void> {
    const { once, interval } = this.#plan;
    const { signal } = this.#tools;
    for (let looks = 1; ; looks++) {
      const due = performance.now() + interval;
      for (const file of await this.#patientLook()) {
        signal.throwIfAborted();
        if (performance.now() < this.#pausedUntil) break;
        await this.#take(file);
        // What came meanwhile may be older, and deleted sooner.
        if (!once && performance.now() > due) break;
      }
      const open = [...this.#looked.values()].some(({ state }) => state === 'new');
      if (once && (!open || looks >= MOST_LOOKS)) return;
      const rest = Math.max(0, due - performance.now());
      await sleep(rest, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  /** A shared disk that does not answer for a while does not end a watch. */
  async #patientLook(): Promise<readonly FoundFile[]> {
    try {
      return await this.#look();
    } catch (thrown) {
      const stale = (thrown as NodeJS.ErrnoException).code === 'ESTALE';
      const error = VentralError.from(thrown);
      if (this.#tools.signal.aborted || !(stale || passing.has(error.code))) throw error;
      this.#rest(error);
      return [];
    }
  }

  /** The files that may be scored: new versions that did not change between two looks; those that a process died over last. */
  async #look(): Promise<FoundFile[]> {
    const { root, wanted } = this.#plan;
    const { state, signal } = this.#tools;
    const { files, links, unreadable } = await scanRuns(root, wanted, signal);
    for (const link of links) this.#sayOnce(`${link} is a link, which is not followed`);
    for (const folder of unreadable) this.#sayOnce(`${folder} cannot be read`);
    const there = new Set(files.map(({ name }) => name));
    for (const [name, { state, count }] of this.#looked) {
      if (there.has(name)) continue;
      // One that was gone at the second look was a temporary name.
      if (state === 'new' && count > 1) this.#sayOnce(`${name} was deleted before it was scored`);
      this.#looked.delete(name);
    }
    const ready: FoundFile[] = [];
    for (const file of files) {
      const looked = await this.#lookAt(file);
      const settled = looked.count > 1;
      if (settled && (looked.state === 'new' || looked.state === 'waiting')) ready.push(file);
    }
    const { suspects } = state;
    const last = ({ name }: FoundFile) => (suspects.has(name) ? 1 : 0);
    return ready.sort((a, b) => last(a) - last(b));
  }

  async #lookAt(file: FoundFile): Promise<Looked> {
    const { name, signature } = file;
    const before = this.#looked.get(name);
    const seen = before ? undefined : this.#tools.state.seenAs(name);
    const parts = before?.parts ?? seen?.parts ?? [];
    const partsSignature = await signatureOfParts(file, parts);
    if (before?.signature === signature && before.partsSignature === partsSignature) {
      before.count++;
      return before;
    }
    const since = performance.now();
    const looked: Looked = {
      ...{ signature, parts, partsSignature, since },
      ...{ count: 1, state: 'new', why: '' },
    };
    this.#looked.set(name, looked);
    if (seen?.signature === wholeSignature(looked)) this.#ended(looked, file, seen.digest, true);
    return looked;
  }

  /** @param earlier whether that is known from an earlier look or process */
  #ended(looked: Looked, file: FoundFile, digest: string, earlier: boolean): void {
    const { state } = this.#tools;
    const end = state.endOf(digest);
    if (end === undefined) return;
    const failed = end === 'failed' || state.isPartial(digest);
    looked.state = failed ? 'failed' : 'done';
    if (failed && earlier)
      this.#sayOnce(
        `${about(file, state.reasonOf(digest))} (found earlier; --retry tries it again)`,
      );
  }

  async #take(file: FoundFile): Promise<void> {
    const looked = this.#looked.get(file.name) as Looked;
    if (looked.state === 'waiting' && looked.parts.length === 0)
      return this.#wait(file, looked, looked.why);
    let taken: TakenCheckpoint | undefined;
    try {
      const { unfinished, parts } = await inspectFile(file.path);
      const settled = await this.#arePartsSettled(file, looked, parts);
      if (unfinished !== undefined) return this.#wait(file, looked, unfinished);
      if (!settled) return;
      taken = await this.#copy(file);
      if (!taken || !(await this.#arePartsSettled(file, looked, parts))) {
        looked.count = 0;
        return;
      }
      const { digest } = taken;
      const { state } = this.#tools;
      const earlier = state.endOf(digest) !== undefined;
      if (!earlier) await this.#score(file, taken);
      await state.seen(file.name, { signature: wholeSignature(looked), parts, digest });
      this.#ended(looked, file, digest, earlier);
    } catch (thrown) {
      await this.#refuse(file, looked, thrown, taken);
    } finally {
      await taken?.scratch.remove();
    }
  }

  #copy(file: FoundFile): Promise<TakenCheckpoint | undefined> {
    const { home, maxScratch, card, ownCard } = this.#plan;
    const { signal } = this.#tools;
    const own = file.kind === 'network' ? ownCard : card;
    return takeCheckpoint(file, { home, maxScratch, card: own, signal });
  }

  /** Whether the external data are the same as at the last look. */
  async #arePartsSettled(
    file: FoundFile,
    looked: Looked,
    parts: readonly string[],
  ): Promise<boolean> {
    looked.parts = parts;
    const now = await signatureOfParts(file, parts);
    if (looked.partsSignature === now) return true;
    looked.partsSignature = now;
    return false;
  }

  #wait(file: FoundFile, looked: Looked, why: string): void {
    const late = performance.now() - looked.since > PATIENCE_MS;
    looked.state = late ? 'failed' : 'waiting';
    looked.why = why;
    if (late) this.#say(`${file.name}: ${why}, and it has not changed for 10 minutes`);
    else this.#sayOnce(`${file.name}: ${why}: waiting for the rest`);
  }

  async #score(file: FoundFile, taken: TakenCheckpoint): Promise<void> {
    const { state, io } = this.#tools;
    const { digest } = taken;
    if (state.diedOver(digest) >= MOST_DEATHS)
      throw new VentralError(
        'process-died',
        `the process ended ${MOST_DEATHS} times while this checkpoint was scored`,
      );
    await state.started(digest, file.name);
    const bar = progressBar(io);
    try {
      const progress = await this.#progressOf(file, taken);
      const network = await networkOf(taken, this.#plan.weights, this.#plan);
      const { id } = state;
      const once = `watch-${id}-${digest.slice(7, 39)}-${state.voided(digest)}`;
      const name = nameOf(progress);
      const scores = await this.#tools.scorer.score({ ...network, name, once }, bar.progress);
      bar.end();
      await this.#record(file, taken, { ...scores, ...progress });
    } catch (thrown) {
      const { code } = VentralError.from(thrown);
      // Cancelled there, too: the same request would be answered with what was cancelled.
      const voided = this.#tools.signal.aborted || code === 'idempotency-mismatch';
      if (voided) await state.left(digest, true);
      else if (passing.has(code) || fatal.has(code)) await state.left(digest, false);
      throw thrown;
    } finally {
      bar.end();
    }
  }

  async #progressOf(file: FoundFile, taken: TakenCheckpoint) {
    const former = this.#tools.state.resultOf(taken.digest);
    if (former) {
      const { run, step, epoch } = former;
      return { run, step, ...present({ epoch }) };
    }
    const { weights, name: watched } = this.#plan;
    const { step, epoch } = await progressOf(file.name, taken, weights);
    const run = runOf(file.name, watched);
    const known = step ?? epoch;
    if (known !== undefined) return { run, step: known, ...present({ epoch }) };
    // Versions of one file in their order: a series of their own.
    const stem = file.name.replace(/^.*\//, '').replace(/\.\w+$/, '');
    const version = this.#tools.state.versionsOf(file.name) + 1;
    return { run: `${run}/${stem}`, step: version };
  }

  async #record(
    file: FoundFile,
    taken: TakenCheckpoint,
    result: CheckpointScores & Pick<WatchedResult, 'run' | 'step' | 'epoch'>,
  ): Promise<void> {
    const { state, told } = this.#tools;
    const { digest } = taken;
    const failures = result.failures.map((each) => ({
      ...each,
      reason: plain(each.reason, file, taken),
    }));
    const passed = failures.find(isPassing);
    if (passed) {
      await state.left(digest, true);
      throw new VentralError(passed.code as ErrorCode, passed.reason);
    }
    for (const { benchmark, reason } of failures)
      this.#say(`${file.name}: ${benchmark}: ${reason}`);
    if (result.rows.length === 0) {
      const [{ code, reason }] = failures;
      return state.failed({ digest, checkpoint: file.name, code, reason });
    }
    const about = { digest, checkpoint: file.name };
    const recorded = await state.scored({ ...about, ...result, failures });
    this.#scored++;
    this.#pause = this.#plan.pause ?? FIRST_PAUSE_MS;
    await told(recorded);
  }

  async #refuse(
    file: FoundFile,
    looked: Looked,
    thrown: unknown,
    taken: TakenCheckpoint | undefined,
  ): Promise<void> {
    const { state, signal } = this.#tools;
    signal.throwIfAborted();
    const error = VentralError.from(thrown);
    const { code } = error;
    const reading = taken === undefined && (code === 'permission-denied' || code === 'disk-failed');
    if (!reading && passing.has(code)) return this.#rest(error);
    if (!reading && fatal.has(code)) throw error;
    // Deleted by a rotation, or written over: the next look shows it.
    if ((await currentSignature(file.path)) !== file.signature) return;
    looked.state = 'failed';
    const reason = plain(error.message, file, taken);
    this.#say(about(file, reason));
    const digest = taken?.digest ?? (await digestOfFile(file.path).catch(() => undefined));
    const { parts } = looked;
    // Of external data that could not be read there is no digest: it is read again by the next process.
    if (digest === undefined || (!taken && parts.length > 0)) return;
    await state.failed({ digest, checkpoint: file.name, code, reason });
    await state.seen(file.name, { signature: wholeSignature(looked), parts, digest });
  }

  /** Waits, twice as long each time, for what has nothing to do with the checkpoint. */
  #rest(error: VentralError): void {
    if (this.#plan.once) throw error;
    const retry = (error.details.retryAfter ?? 0) * 1000;
    const wait = Math.max(this.#pause, Math.min(retry, LONGEST_PAUSE_MS));
    this.#pausedUntil = performance.now() + wait;
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
    this.#sayOnce(`${error.message}: trying again until it passes`);
  }

  #sayOnce(sentence: string): void {
    if (this.#said.has(sentence)) return;
    this.#said.add(sentence);
    this.#say(sentence);
  }

  #say(sentence: string): void {
    this.#tools.io.err(visibleText(`ventral: ${sentence}`));
  }
}

const wholeSignature = ({ signature, parts, partsSignature }: Looked) =>
  parts.length > 0 ? `${signature}, ${partsSignature}` : signature;

/** The name of a registration: the page of series puts those together that differ in their step. */
function nameOf({ run, step, epoch }: Pick<WatchedResult, 'run' | 'step' | 'epoch'>): string {
  const kind = epoch === step ? 'epoch' : 'step';
  const shown = [...run.replaceAll(/\p{Cc}/gu, '_')].slice(-150).join('');
  return `${shown} ${kind} ${step}`;
}

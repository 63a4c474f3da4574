import { setTimeout as sleep } from 'node:timers/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { BenchmarkDescription } from '../../scoring/model/describe-benchmark.js';
import { listBenchmarks } from '../../scoring/registry/registry.js';
import type { Principal } from '../../store/records/principal.js';
import type { Client } from '../http/client.js';
import { redactPaths } from '../http/redact-paths.js';
import { ChildQueue } from '../queue/child-queue.js';
import { untilAborted } from '../queue/until-aborted.js';
import type { StimulusFile, StimulusRows, StimulusTask } from '../work/stimulus-questions.js';
import { measuringPaths } from '../work/task-paths.js';
import type { ServiceContext } from './context.js';

/** Which set of a benchmark: the one that scores are of, or the one that a read-out is fitted on. */
export type StimulusSetName = 'test' | 'fitting';

/** An image that is asked for. */
export interface AskedImage {
  readonly set: StimulusSetName;
  readonly stimulus: string;
  /** Visual angle of the screen; without it as the image is stored. */
  readonly degrees?: number;
}

/**
 * A benchmark that the caller may see: its cache key and path. The key is the registration, not the content: a
 * cached answer would reveal that another owner has the same bytes.
 */
interface Found {
  readonly key: string;
  readonly file: string;
  readonly id?: string;
}

type Question = StimulusTask extends infer T
  ? T extends unknown
    ? Omit<T, 'home'>
    : never
  : never;

/** Time of one question: a simulated set is made first, and a ceiling of many repetitions measured. */
const SECONDS = 300;
/** Bytes of memory: recordings of a large experiment are held once. */
const MEMORY = 2 ** 31;
/** Milliseconds in which images of one set gather, to be drawn by one process. */
const GATHER_MS = 25;
/** Images that one process draws at most: its answer is held whole. */
const MOST_TOGETHER = 24;
const KEPT_DESCRIPTIONS = 64;
/** Bytes of images that are kept. */
const KEPT_BYTES = 2 ** 26;

/** Images requested together by one owner; rendered while a client waits for one. */
interface Gathering {
  readonly stimuli: Set<string>;
  readonly drawn: Promise<Record<string, string | null>>;
  readonly left: AbortController;
  clients: number;
}

/** Reads the data of benchmarks in child processes (design §8), and caches the latest answers. */
export class StimulusService {
  readonly #context: ServiceContext;
  readonly #children: ChildQueue;
  readonly #descriptions = new Map<string, readonly BenchmarkDescription[]>();
  readonly #pictures = new Map<string, Buffer>();
  readonly #gathering = new Map<string, Gathering>();

  constructor(context: ServiceContext) {
    this.#context = context;
    const places = { what: 'questions about stimuli', running: 3, runningEach: 2 };
    this.#children = new ChildQueue(places, context.failed);
  }

  /**
   * Describes the data of the benchmarks under a name.
   * @throws VentralError `not-found`
   */
  async describe(client: Client, name: string): Promise<readonly BenchmarkDescription[]> {
    const { key, ...found } = await this.#find(client.principal, name);
    const known = this.#descriptions.get(key);
    if (known) return known;
    const told = await this.#ask<BenchmarkDescription[]>(client, { kind: 'describe', ...found });
    const described = withoutFolders(told, this.#context.home);
    // Data that are not here may come at any time.
    if (!described.some(lacksData)) keep(this.#descriptions, key, described, KEPT_DESCRIPTIONS);
    return described;
  }

  /**
   * Rows of a stimulus table.
   * @throws VentralError `not-found`, `download-forbidden`, `data-missing`
   */
  async rows(
    client: Client,
    name: string,
    asked: { readonly set: StimulusSetName; readonly from: number; readonly count: number },
  ): Promise<StimulusRows> {
    const { key: _key, ...found } = await this.#find(client.principal, name);
    return this.#ask<StimulusRows>(client, { kind: 'rows', ...found, ...asked });
  }

  /**
   * A stimulus as PNG.
   * @throws as {@link rows}, `image-corrupt` and `degrees-mismatch`
   */
  async picture(client: Client, name: string, asked: AskedImage): Promise<Buffer> {
    const { key, ...found } = await this.#find(client.principal, name);
    const { set, stimulus, degrees } = asked;
    const of = JSON.stringify([key, set, degrees]);
    const known = this.#pictures.get(`${of} ${stimulus}`);
    if (known) return known;
    const drawn = await this.#gather(client, of, stimulus, (stimuli) => ({
      kind: 'pictures',
      ...found,
      set,
      stimuli,
      ...present({ degrees }),
    }));
    if (typeof drawn !== 'string')
      throw new VentralError('not-found', `${name} has no stimulus "${stimulus}"`);
    const png = Buffer.from(drawn, 'base64');
    keep(this.#pictures, `${of} ${stimulus}`, png, KEPT_BYTES, ({ length }) => length);
    return png;
  }

  /**
   * A file of a stimulus as it is stored.
   * @throws as {@link rows}, and `too-large`
   */
  async file(
    client: Client,
    name: string,
    asked: { readonly set: StimulusSetName; readonly stimulus: string; readonly frame: number },
  ): Promise<{ readonly name: string; readonly bytes: Buffer }> {
    const { key: _key, ...found } = await this.#find(client.principal, name);
    const file = await this.#ask<StimulusFile | null>(client, { kind: 'file', ...found, ...asked });
    if (!file) throw new VentralError('not-found', `${name} has no file of "${asked.stimulus}"`);
    return { name: file.name, bytes: Buffer.from(file.bytes, 'base64') };
  }

  /** Images of one set and size that an owner asks for together are drawn by one process. */
  async #gather(
    { principal, signal }: Client,
    of: string,
    stimulus: string,
    question: (stimuli: string[]) => Question,
  ): Promise<string | null | undefined> {
    const key = JSON.stringify([principal.owner, of]);
    let group = this.#gathering.get(key);
    if (!group || group.stimuli.size >= MOST_TOGETHER || group.left.signal.aborted) {
      const stimuli = new Set<string>();
      const left = new AbortController();
      const drawn = sleep(GATHER_MS).then(() => {
        if (this.#gathering.get(key)?.stimuli === stimuli) this.#gathering.delete(key);
        const client = { principal, signal: left.signal };
        return this.#ask<Record<string, string | null>>(client, question([...stimuli]));
      });
      drawn.catch(() => {});
      group = { stimuli, drawn, left, clients: 0 };
      this.#gathering.set(key, group);
    }
    group.stimuli.add(stimulus);
    group.clients++;
    try {
      const pictures = await untilAborted(group.drawn, signal);
      return Object.hasOwn(pictures, stimulus) ? pictures[stimulus] : undefined;
    } finally {
      if (--group.clients === 0) group.left.abort();
    }
  }

  async #find(principal: Principal, name: string): Promise<Found> {
    const shipped = listBenchmarks().find(({ id }) => id === name);
    if (shipped) return { key: name, file: shipped.file, id: name };
    const { benchmarks } = this.#context;
    const { id } = await benchmarks.get(principal, name);
    return { key: id, file: (await benchmarks.reference(id)).reference };
  }

  #ask<T>(client: Client, question: Question): Promise<T> {
    const { store, home, closing } = this.#context;
    return this.#children.run<T>(client, {
      script: 'stimulus-child.js',
      task: { ...question, home },
      temporary: store.temporary,
      ...measuringPaths({ home, benchmarks: [question.file] }),
      limits: { memory: MEMORY, seconds: SECONDS },
      signal: closing,
    });
  }
}

const lacksData = (told: BenchmarkDescription) =>
  [
    ...[told.stimuli, told.fittingStimuli, told.recordings],
    ...[told.trials, told.rdms, told.neurons],
  ].some((part) => part && 'reason' in part);

const withoutFolders = <T>(told: T, home: string): T =>
  JSON.parse(JSON.stringify(told), (key, value) =>
    key === 'reason' ? redactPaths({ detail: value }, home).detail : value,
  );

/** Keeps a value, and lets the oldest go that are beyond `most`. */
function keep<T>(
  kept: Map<string, T>,
  key: string,
  value: T,
  most: number,
  sizeOf: (value: T) => number = () => 1,
): void {
  kept.set(key, value);
  let size = 0;
  for (const each of kept.values()) size += sizeOf(each);
  for (const [oldest, each] of kept) {
    if (size <= most) return;
    kept.delete(oldest);
    size -= sizeOf(each);
  }
}

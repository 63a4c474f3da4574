import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { ErrorCode } from '../errors/codes.js';
import { VentralError } from '../errors/ventral-error.js';
import { programFile } from '../formats/package-root.js';
import type { Optimization } from '../runtime/session.js';
import type { ModelCard } from './card/card.js';
import type { Asked, MadeTensor, Told } from './try-sessions-child.js';

/** A session that may crash the process that opens it. */
export interface SessionTrial {
  /** Serialises the graph, when the session is tried, in pieces: they are sent as they are. */
  readonly graph: () => readonly Uint8Array[];
  readonly operators: 'fused' | 'as written';
  readonly optimization?: Optimization | undefined;
  /** Only opens the session. */
  readonly opens?: true;
}

/** What came of a session: its outputs for one empty image, a refusal, or the end of the process. */
export type TrialOutcome =
  | { readonly end: 'ran'; readonly made: ReadonlyMap<string, MadeTensor> }
  | { readonly end: 'refused'; readonly error: VentralError }
  | { readonly end: 'crashed'; readonly signal: string };

/** How sessions are tried. */
export interface TrialOptions {
  /** What messages call the network. */
  readonly name: string;
  readonly threads?: number;
  /** Its input size is that of the empty image. */
  readonly card?: Pick<ModelCard, 'input'> | undefined;
  readonly signal?: AbortSignal;
}

/** Longer than the largest network takes to open on a busy machine. */
const SECONDS = 600;

/** Signals of a crash: faults of the processor, and abort. */
const crashes = ['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGABRT', 'SIGTRAP', 'SIGSYS'];

/**
 * Opens sessions one after the other in a child process, and runs each once on an empty image, so that a graph that crashes
 * the runtime ends that process only. Nothing is tried after a crash.
 * @throws VentralError `deadline-exceeded`, `interrupted`, and `process-died` where the process ended otherwise
 */
export async function trySessions(
  trials: readonly SessionTrial[],
  options: TrialOptions,
): Promise<TrialOutcome[]> {
  const { name, signal } = options;
  const script = programFile('activations/try-sessions-child.js');
  // Answers, and a silent pipe that closes when this process has died.
  const stdio = ['pipe', 'ignore', 'ignore', 'pipe', 'pipe'] as const;
  if (signal?.aborted) throw VentralError.from(signal.reason);
  const child = spawn(process.execPath, [script], { stdio: [...stdio] });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', (error) => reject(VentralError.from(error)));
    child.once('close', (code, by) => resolve({ code, by }));
  });
  ended.catch(() => {});
  if (child.pid === undefined) await ended;
  // It may be gone before it has read everything.
  for (const end of [child.stdin, child.stdio[4]]) end?.on('error', () => {});
  let late = false;
  const kill = () => child.kill('SIGKILL');
  const deadline = setTimeout(() => {
    late = true;
    kill();
  }, SECONDS * 1000);
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const outcomes = await converse(child, trials, options);
    if (outcomes.length === trials.length) return outcomes;
    const { code, by } = await ended;
    if (signal?.aborted) throw new VentralError('interrupted', 'Interrupted');
    if (late) throw tooLong(name);
    if (by !== null && crashes.includes(by)) return [...outcomes, { end: 'crashed', signal: by }];
    throw died(name, code, by);
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', kill);
    kill();
  }
}

interface Ended {
  readonly code: number | null;
  readonly by: NodeJS.Signals | null;
}

/** Sends one graph after the other, so that only one is in memory; ends early where no answer comes. */
async function converse(
  child: ChildProcess,
  trials: readonly SessionTrial[],
  { name, threads, card }: TrialOptions,
): Promise<TrialOutcome[]> {
  const answers = createInterface({ input: child.stdio[3] as Readable })[Symbol.asyncIterator]();
  const outcomes: TrialOutcome[] = [];
  for (const { graph, operators, optimization, opens } of trials) {
    const pieces = graph();
    const input = card?.input;
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const asked: Asked = { name, threads, input, operators, optimization, opens, length };
    child.stdin?.cork();
    child.stdin?.write(Buffer.from(`${JSON.stringify(asked)}\n`));
    for (const piece of pieces) child.stdin?.write(piece);
    child.stdin?.uncork();
    const { done, value } = await answers.next();
    if (done) break;
    outcomes.push(outcomeOf(JSON.parse(value) as Told));
  }
  return outcomes;
}

/** The refusal of a graph that the runtime cannot take at any level. */
export const crashed = (name: string, signal: string): VentralError =>
  new VentralError(
    'process-crashed',
    `${name} crashes ONNX Runtime (${signal}) at every level of optimisation: export it again in float32, or with another opset`,
    { file: name, expected: 'a graph that ONNX Runtime runs', found: signal },
  );

const tooLong = (name: string) =>
  new VentralError(
    'deadline-exceeded',
    `ONNX Runtime had not opened ${name} after ${SECONDS} seconds`,
    { file: name },
  );

const died = (name: string, code: number | null, by: string | null) =>
  new VentralError(
    'process-died',
    `The process that opened ${name} ended ${by === null ? `with status ${code}` : `by signal ${by}`}${by === 'SIGKILL' ? ': the system may lack memory' : ''}`,
    { file: name },
  );

function outcomeOf(told: Told): TrialOutcome {
  if ('made' in told) return { end: 'ran', made: new Map(told.made) };
  const { code, message, details } = told.error;
  return { end: 'refused', error: new VentralError(code as ErrorCode, message, details) };
}

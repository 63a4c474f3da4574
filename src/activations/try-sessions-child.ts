import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type ErrorDetails, VentralError } from '../errors/ventral-error.js';
import { type Optimization, Session, type Tensor } from '../runtime/session.js';
import type { InputSpec } from '../screen/preprocess.js';
import { emptyPicture } from './stimuli/empty-picture.js';

/** The child process of `trySessions`: reads a line of JSON and a graph for each session, and writes a line of JSON. */

/** A request: its header, followed by the bytes of the graph. */
export interface Asked {
  readonly name: string;
  readonly threads?: number | undefined;
  readonly input?: InputSpec | undefined;
  readonly operators: 'fused' | 'as written';
  readonly optimization?: Optimization | undefined;
  /** Does not run it. */
  readonly opens?: true | undefined;
  /** Bytes of the graph. */
  readonly length: number;
}

/** Type and shape of an output. */
export type MadeTensor = Pick<Tensor, 'dtype' | 'dims'>;

/** The response for a session. */
export type Told =
  | { readonly made: readonly (readonly [value: string, tensor: MadeTensor])[] }
  | {
      readonly error: {
        readonly code: string;
        readonly message: string;
        readonly details: Omit<ErrorDetails, 'cause'>;
      };
    };

const ANSWERS = 3;
const LIFELINE = 4;
const NEWLINE = 10;

watchParent();
await serve();
process.exit();

/** Opening a graph blocks this thread, possibly forever: a second thread ends the process when its parent has died. */
function watchParent(): void {
  const code = `const { Socket } = require('node:net');
    const end = () => process.kill(process.pid, 'SIGKILL');
    new Socket({ fd: ${LIFELINE} }).on('error', end).on('close', end).resume();`;
  new Worker(code, { eval: true }).unref();
}

async function serve(): Promise<void> {
  const chunks: AsyncIterator<Buffer> = process.stdin[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  const more = async () => {
    const { done, value } = await chunks.next();
    return done ? undefined : value;
  };
  for (;;) {
    let end = held.indexOf(NEWLINE);
    while (end < 0) {
      const chunk = await more();
      if (!chunk) return;
      held = Buffer.concat([held, chunk]);
      end = held.indexOf(NEWLINE);
    }
    const asked = JSON.parse(held.toString('utf8', 0, end)) as Asked;
    held = held.subarray(end + 1);
    const graph = Buffer.alloc(asked.length);
    let filled = 0;
    for (;;) {
      const copied = held.copy(graph, filled);
      filled += copied;
      held = held.subarray(copied);
      if (filled === graph.length) break;
      const chunk = await more();
      if (!chunk) return;
      held = chunk;
    }
    tell(await tryOne(asked, graph).catch(refused));
  }
}

async function tryOne(
  { name, threads, input, operators, optimization, opens }: Asked,
  graph: Uint8Array,
): Promise<Told> {
  const session = await Session.open(graph, {
    ...{ name, operators },
    ...(threads === undefined ? {} : { threads }),
    ...(optimization === undefined ? {} : { optimization }),
  });
  const card = input && { input };
  const feeds = session.inputs.map((each) => [each.name, emptyPicture(each, { card })]);
  const made = opens ? {} : await session.run(Object.fromEntries(feeds));
  await session.close();
  return {
    made: Object.entries(made).map(([value, { dtype, dims }]) => [value, { dtype, dims }] as const),
  };
}

function refused(thrown: unknown): Told {
  const { code, message, details } = VentralError.from(thrown);
  const { cause: _cause, ...plain } = details;
  return { error: { code, message, details: plain } };
}

/** Synchronously: the next session may crash the process. */
function tell(told: Told): void {
  let line = Buffer.from(`${JSON.stringify(told)}\n`);
  while (line.length > 0) line = line.subarray(writeSync(ANSWERS, line));
}

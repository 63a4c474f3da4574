import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { accepted, askService, type ServicePlace } from './service-client.js';

/** An event of a job, as the stream of a service has it. */
export interface JobEvent {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
}

/** Milliseconds in which a stream shows a sign of life: its heartbeat comes every 15 seconds. */
const QUIET_MS = 45_000;
/** Milliseconds before the first new attempt, doubled for each that follows. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** Milliseconds without any answer after which the service is given up: longer than an upgrade of it takes. */
const PATIENCE_MS = 300_000;

/** Codes of a service, or of what stands before it, that a later attempt may not meet. */
const passing = new Set(['not-ready', 'quota-exceeded', 'queue-full', 'deadline-exceeded']);

/**
 * Repeats a request while the service asks for patience or cannot be reached.
 * @param met whether the service has answered before: one that never did is not waited for
 * @throws what the service answers, and `not-ready` after five minutes without an answer
 */
export async function patiently<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  met = true,
): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      const { code, details } = VentralError.from(error);
      const awaited = met || details.retryAfter !== undefined;
      if (!passing.has(code) || !awaited || Date.now() > deadline) throw error;
      const asked = Math.min((details.retryAfter ?? 0) * 1000, LONGEST_WAIT_MS);
      await pause(Math.max(wait, asked), signal);
    }
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/**
 * The events of a job until its end. A lost connection is opened again where it was lost, so that each event comes
 * once.
 * @param reach finds the service: that of a home has another socket after a new start
 * @param path of the events, from `/v1` on
 * @throws what {@link patiently} does
 */
export async function* followJob(
  reach: () => Promise<ServicePlace>,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<JobEvent> {
  let last: string | undefined;
  for (;;) {
    const response = await patiently(async () => {
      const headers = last === undefined ? {} : { 'Last-Event-ID': last };
      const answer = await askService(await reach(), 'GET', path, {
        headers,
        signal,
        quiet: QUIET_MS,
      });
      if (answer.statusCode === 200 || answer.statusCode === 204) return answer;
      accepted(answer.statusCode ?? 0, await text(answer), answer.headers['retry-after']);
      throw new VentralError('internal', `${path}: unexpected status ${answer.statusCode}`);
    }, signal);
    try {
      if (response.statusCode === 204) return;
      for await (const event of eventsIn(response.setEncoding('utf8'))) {
        last = event.id;
        yield event;
        if (event.type === 'end') return;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!isLost(error)) throw error;
    } finally {
      response.destroy();
    }
    await pause(FIRST_WAIT_MS, signal);
  }
}

/** Whether the connection broke, and not the caller. */
const isLost = (error: unknown) =>
  typeof (error as NodeJS.ErrnoException)?.code === 'string' && !(error instanceof VentralError);

/** Characters of one event: a result of ours is far shorter. */
const LONGEST_EVENT = 2 ** 26;

/** The complete events of a stream (HTML, section 9.2); comments are heartbeats. */
async function* eventsIn(chunks: AsyncIterable<string>): AsyncGenerator<JobEvent> {
  let rest = '';
  for await (const chunk of chunks) {
    rest += chunk;
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    if (rest.length > LONGEST_EVENT)
      throw new VentralError('not-ready', 'The service sends events without an end');
    for (const block of blocks) {
      const fields = block.split(/\r?\n/).map((line) => /^(\w+): ?(.*)$/.exec(line));
      const of = (name: string) =>
        fields
          .filter((field) => field?.[1] === name)
          .map((field) => field?.[2])
          .join('\n');
      const [id, type, data] = [of('id'), of('event'), of('data')];
      if (data !== '') yield { id, type, data: JSON.parse(data) };
    }
  }
}

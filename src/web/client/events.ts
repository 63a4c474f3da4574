import { createParser } from 'eventsource-parser';
import { noteRefusal, ProblemError } from './client.js';

/** One event of a job, as the service numbered it. */
export interface JobEvent {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15_000;

/**
 * Follows a job's events until `end`, through dropped connections: each new one asks for what comes after
 * the last event that was seen. The browser's own EventSource does not say why it was refused.
 * @param path the job's `links.events`
 * @param heard called with each event, in order and once
 * @param lost called when a connection was lost (true) and when one stands again (false)
 * @throws ProblemError where the service refuses
 */
export async function followEvents(
  path: string,
  heard: (event: JobEvent) => void,
  lost: (lost: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  let last: string | undefined;
  for (let wait = RETRY_MS; !signal.aborted; wait = Math.min(2 * wait, LONGEST_RETRY_MS)) {
    try {
      for await (const event of connection(path, last, signal)) {
        wait = RETRY_MS;
        lost(false);
        last = event.id;
        heard(event);
        if (event.event === 'end') return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ProblemError && error.problem.status < 500) throw error;
    }
    if (signal.aborted) return;
    lost(true);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

async function* connection(
  path: string,
  last: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<JobEvent> {
  const response = await fetch(path, {
    signal,
    headers: {
      Accept: 'text/event-stream',
      ...(last === undefined ? {} : { 'Last-Event-ID': last }),
    },
  });
  noteRefusal(path, response.status);
  if (!response.ok || !response.body) throw new ProblemError(await response.json());
  const waiting: JobEvent[] = [];
  const parser = createParser({
    onEvent: ({ id = '', event = 'message', data }) =>
      waiting.push({ id, event, data: JSON.parse(data) }),
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    parser.feed(read.value);
    yield* waiting.splice(0);
  }
}

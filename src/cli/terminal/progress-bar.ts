import { duration } from '../../report/duration.js';
import { visibleName } from '../../report/visible-name.js';
import { type Progress, Work } from '../../runtime/work.js';
import type { Io } from './io.js';

const WIDTH = 20;
const NARROWEST = 80;
/** Milliseconds between two drawings of one stage. */
const PACE_MS = 100;
const TICK_MS = 1000;

/** The progress line of a command. */
export interface ProgressBar {
  /** The work of the whole command. */
  readonly progress: Work;
  /** Wipes the line, so that something else may be printed; it comes again with the next report. */
  clear(): void;
  /** Wipes the line for good. */
  end(): void;
}

/** One line on stderr for the whole of a command, where a person watches; nothing in a pipe. */
export function progressBar(io: Io): ProgressBar {
  if (!io.interactive) return { progress: Work.start(), clear() {}, end() {} };
  let last: { readonly progress: Progress; readonly at: number } | undefined;
  let drawn = { stage: '', at: 0 };
  const draw = () => {
    if (!last) return;
    const since = (performance.now() - last.at) / 1000;
    const width = (io.columns ?? NARROWEST) - 1;
    io.err(`\r\x1b[K${[...lineOf(last.progress, since)].slice(0, width).join('')}`);
    drawn = { stage: last.progress.stage, at: performance.now() };
  };
  const tick = setInterval(draw, TICK_MS);
  tick.unref();
  const clear = () => {
    if (last) io.err('\r\x1b[K');
    last = undefined;
  };
  return {
    progress: Work.start((progress) => {
      last = { progress, at: performance.now() };
      const ends = progress.done >= progress.total;
      const due = ends || progress.stage !== drawn.stage || last.at - drawn.at >= PACE_MS;
      if (due) draw();
    }),
    clear,
    end() {
      clearInterval(tick);
      clear();
    },
  };
}

/** @param since seconds since the report: a busy stage says nothing for a while */
function lineOf(progress: Progress, since: number): string {
  const { stage, done, total, share, elapsedSeconds, etaSeconds, words } = progress;
  const filled = Math.round(share * WIDTH);
  const bar = `[${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${Math.floor(100 * share)} %`;
  const left = etaSeconds === null ? '' : `, ${duration(Math.max(0, etaSeconds - since))} left`;
  const times = `${duration(elapsedSeconds + since)}${left}`;
  const items = total > 0 ? ` ${Math.round(done)}/${Math.round(total)}` : '';
  return `${bar}, ${times}: ${visibleName(stage)}${items}${words ? `, ${words}` : ''}`;
}

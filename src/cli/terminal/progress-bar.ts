import type { Io } from './io.js';

const WIDTH = 24;

/** A bar on stderr where a person watches; nothing in a pipe. */
export function progressBar(io: Io): {
  show(progress: {
    readonly stage: string;
    readonly done: number;
    readonly total: number;
    readonly words?: string;
  }): void;
  clear(): void;
} {
  let stage = '';
  let started = 0;
  return {
    show(progress) {
      if (!io.interactive) return;
      if (progress.stage !== stage) {
        stage = progress.stage;
        started = performance.now();
      }
      const share = progress.total > 0 ? progress.done / progress.total : 0;
      const filled = Math.round(share * WIDTH);
      const left = share > 0 ? ((performance.now() - started) / 1000) * (1 / share - 1) : 0;
      io.err(
        `\r\x1b[K${stage} [${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${progress.done}/${progress.total} ${Math.ceil(left)} s${progress.words ? `, ${progress.words}` : ''}`,
      );
    },
    clear() {
      if (io.interactive && stage) io.err('\r\x1b[K');
    },
  };
}

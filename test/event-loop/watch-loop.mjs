import { openSync, readSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/**
 * Preloaded into `ventral serve` (`node --import`): measures how long the event loop is held, and tells a parent that
 * asks. The time is that of the processor, of the main thread alone: on a busy machine the wall clock also counts what
 * other processes took.
 */

// Worker threads and child processes are started with the same --import.
if (isMainThread && process.argv[2] === 'serve' && process.send) watch();

function watch() {
  const held = cpuClock();
  let last = held();
  let worst = 0;
  // One callback a turn of the loop: between two of them lies at most what one turn did.
  const tick = () => {
    const now = held();
    worst = Math.max(worst, now - last);
    last = now;
    setTimeout(tick, 1).unref();
  };
  tick();
  process.on('message', () => {
    // What holds the loop at this very moment counts, too.
    worst = Math.max(worst, held() - last);
    process.send({ worst });
    worst = 0;
  });
  process.channel.unref();
}

/** Milliseconds that this thread ran on a processor; the wall clock where the system does not say. */
function cpuClock() {
  const bytes = Buffer.alloc(64);
  try {
    const file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
    return () =>
      Number(bytes.toString('latin1', 0, readSync(file, bytes, 0, 64, 0)).split(' ')[0]) / 1e6;
  } catch {
    return () => performance.now();
  }
}

// A worker in a process of its own, with the stub in place of the scoring process: node worker-with-stub.mjs HOME
// [MILLISECONDS WITHOUT A JOB UNTIL IT ENDS]. SIGUSR2 drains it.
import { pino } from 'pino';
import { startWorker } from '../../dist/src/service/worker/start-worker.js';

const worker = await startWorker({
  databaseUrl: process.env.DATABASE_URL,
  home: process.argv[2],
  maxMemory: 2 ** 30,
  maxScratch: 2 ** 30,
  maxCache: 2 ** 30,
  threads: 1,
  concurrency: 1,
  log: pino({ level: 'silent' }),
  ...(process.argv[3] ? { untilEmpty: Number(process.argv[3]) } : {}),
  script: new URL('./stub-score-child.mjs', import.meta.url).pathname,
});
const drained = async () => {
  await worker.drain();
  await worker.stop(0);
};
process.once('SIGTERM', () => worker.stop(1000));
process.once('SIGUSR2', drained);
worker.empty.then(drained);
process.stdout.write('ventral works\n');

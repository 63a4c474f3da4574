// A service in a process of its own, with the stub in place of the scoring process: node serve-with-stub.mjs HOME [JOBS AT ONCE] ['shipped']
import { pino } from 'pino';
import { startService } from '../../dist/src/service/start-service.js';

const shipped = process.argv[4] === 'shipped';
const service = await startService({
  home: process.argv[2],
  host: '127.0.0.1',
  port: 0,
  orNext: false,
  maxMemory: 2 ** 30,
  maxScratch: 2 ** 30,
  maxCache: 2 ** 30,
  threads: 1,
  concurrency: Number(process.argv[3] ?? 1),
  ...(process.env.DATABASE_URL ? { databaseUrl: process.env.DATABASE_URL } : {}),
  log: pino({ level: 'silent' }),
  // The shipped models are scored by the service itself, slowly.
  scoreShipped: shipped,
  scoreScript: new URL(`./${shipped ? 'patient' : 'stub'}-score-child.mjs`, import.meta.url)
    .pathname,
});
process.once('SIGTERM', () => service.close());
process.stdout.write(`ventral is ready at ${service.url}\n`);

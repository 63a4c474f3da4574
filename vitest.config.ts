import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { later } from './test/later.js';

/** Files that put something else in a module's place, which no other file may have loaded or may load after. */
const alone = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((name) => `test/${name}`)
  .filter((name) => name.endsWith('.test.ts') && /^vi\.mock\(/m.test(readFileSync(name, 'utf8')));
/** Workers have a PostgreSQL always, and are tested where the service has one too: `npm run test:postgresql`. */
const workers = 'test/service/worker/worker.test.ts';
const others = ['test/real/**', 'test/slow/**', workers, ...later, 'node_modules/**'];

const each = {
  pool: 'forks',
  testTimeout: 300_000,
  hookTimeout: 300_000,
  // As long as the browser's driver waits for what it is to act on.
  expect: { poll: { timeout: 90_000 } },
} as const;

export default defineConfig({
  test: {
    globalSetup: [
      'test/oracle-coverage.ts',
      'test/postgres.ts',
      'test/chromium.ts',
      'test/simulated.ts',
    ],
    // One more than processors: tests wait for the commands and services that they start.
    maxWorkers: 3,
    projects: [
      {
        test: {
          ...each,
          name: 'shared',
          include: ['test/**/*.test.ts'],
          exclude: [...alone, ...others],
          // Modules are loaded once a worker, not once a file.
          isolate: false,
        },
      },
      { test: { ...each, name: 'alone', include: alone, exclude: others } },
    ],
  },
});

import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const files = readdirSync('test/service', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/service/${name}`);
/** Files that put something else in a module's place, which no other file may have loaded or may load after. */
const alone = files.filter((name) => /^vi\.mock\(/m.test(readFileSync(name, 'utf8')));
/** These choose their databases themselves, both of them: `npm run test:slow`. */
export const others = ['test/service/fuzz.test.ts'];

const each = {
  pool: 'forks',
  env: { VENTRAL_TEST_DATABASE: process.env.VENTRAL_TEST_DATABASE ?? 'postgresql' },
  testTimeout: 300_000,
  hookTimeout: 300_000,
} as const;

/** The tests of the service once more, with a PostgreSQL in place of the embedded database: `npm run test:postgresql`. */
export default defineConfig({
  test: {
    globalSetup: ['test/postgres.ts', 'test/simulated.ts'],
    // One more than processors: tests wait for the services that they start.
    maxWorkers: 3,
    projects: [
      {
        test: {
          ...each,
          name: 'shared',
          include: files,
          exclude: [...alone, ...others],
          // Modules are loaded once a worker, not once a file.
          isolate: false,
        },
      },
      { test: { ...each, name: 'alone', include: alone } },
    ],
  },
});

import { defineConfig } from 'vitest/config';

/** The tests of the service once more, with a PostgreSQL in place of the embedded database: `npm run test:postgresql`. */
export default defineConfig({
  test: {
    include: ['test/service/**/*.test.ts'],
    // These choose their databases themselves, both of them.
    exclude: ['test/service/fuzz.test.ts'],
    globalSetup: ['test/postgres.ts'],
    env: { VENTRAL_TEST_DATABASE: 'postgresql' },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});

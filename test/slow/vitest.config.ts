import { defineConfig } from 'vitest/config';
import { later } from '../later.js';

/** Tests that take minutes: `npm run test:slow`. */
export default defineConfig({
  test: {
    include: ['test/slow/**/*.test.ts', ...later],
    globalSetup: ['test/postgres.ts', 'test/chromium.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
    // As long as the browser's driver waits for what it is to act on.
    expect: { poll: { timeout: 30_000 } },
  },
});

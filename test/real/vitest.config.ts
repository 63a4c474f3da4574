import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: ['test/chromium.ts'],
    include: ['test/real/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    passWithNoTests: false,
    testTimeout: 900_000,
    hookTimeout: 120_000,
    // As long as the browser's driver waits for what it is to act on.
    expect: { poll: { timeout: 90_000 } },
  },
});

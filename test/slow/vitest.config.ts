import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/slow/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    passWithNoTests: false,
    testTimeout: 900_000,
    hookTimeout: 120_000,
  },
});

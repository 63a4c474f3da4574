import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/real/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    passWithNoTests: false,
    testTimeout: 900_000,
    hookTimeout: 120_000,
  },
});

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/real/**', 'test/slow/**', 'node_modules/**'],
    globalSetup: ['test/oracle-coverage.ts', 'test/postgres.ts', 'test/chromium.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});

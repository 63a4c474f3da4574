import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { later } from '../later.js';
import { others } from '../postgresql/vitest.config.js';

/** These take longest; they begin first, so that both processors have work until the end. */
const longest = ['kills', 'kills-postgresql', 'documents'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = longest.findIndex((name) => moduleId.endsWith(`/slow/${name}.test.ts`));
      return found < 0 ? longest.length : found;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

/**
 * These measure how soon the service answers or how long it is busy, or wait for a process of the lowest priority, so nothing
 * runs beside them.
 */
const timed = [
  ...['event-loop', 'floods', 'refusal-flood', 'load', 'preemption', 'hostile-runs'],
].map((name) => `test/slow/${name}.test.ts`);

const files = [
  ...readdirSync('test/slow', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/slow/${name}`),
  ...later.filter((name) => !name.startsWith('test/service/') || others.includes(name)),
];
/** Files that put something else in a module's place, which no other file may have loaded or may load after. */
const alone = files.filter((name) => /^vi\.mock\(/m.test(readFileSync(name, 'utf8')));

const each = {
  pool: 'forks',
  // A test that hangs must not use up the time of CI.
  testTimeout: 900_000,
  hookTimeout: 300_000,
  // As long as the browser's driver waits for what it is to act on.
  expect: { poll: { timeout: 90_000 } },
} as const;

/** Tests that take minutes: `npm run test:slow`. */
export default defineConfig({
  test: {
    globalSetup: ['test/postgres.ts', 'test/chromium.ts', 'test/simulated.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...each,
          name: 'together',
          include: files,
          exclude: [...timed, ...alone],
          // One more than processors: tests wait for the commands and services that they start.
          maxWorkers: 3,
          // Modules are loaded once a worker, not once a file.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...each,
          name: 'alone',
          include: alone,
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...each,
          name: 'timed',
          include: timed,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

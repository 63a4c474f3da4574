import { Finding, FuzzCase, type Target, targetOf } from './target.js';

/** Cases of a run: the seeds that follow `first`. */
export interface CaseRange {
  readonly first: number;
  readonly count: number;
}

/** What came of the cases of one target. */
export interface Tally {
  /** Cases by outcome. */
  readonly outcomes: Map<string, number>;
  seconds: number;
  /** Seconds and seed of the case that took longest. */
  slowest: readonly [seconds: number, seed: number];
}

/** What came of a run. */
export interface FuzzReport {
  /** By the target's name. */
  readonly targets: ReadonlyMap<string, Tally>;
  /** One sentence a finding, with the seed that shows it and where its files are. */
  readonly findings: readonly string[];
}

/** `FUZZ_SEED` and `FUZZ_CASES` in place of the range that a test runs: one case is seen again by its seed. */
export function casesFrom({ first, count }: CaseRange): CaseRange {
  const { FUZZ_SEED: seed, FUZZ_CASES: cases } = process.env;
  return {
    first: seed === undefined ? first : Number(seed),
    count: cases === undefined ? (seed === undefined ? count : 1) : Number(cases),
  };
}

/**
 * Runs cases, each on the target that its seed chooses, the lanes side by side.
 * @param root folder that the cases write below
 * @param width cases of a lane that run at once
 */
export async function runCases(
  targets: readonly Target[],
  { first, count }: CaseRange,
  {
    root,
    width,
  }: { readonly root: string; readonly width: Readonly<Record<Target['lane'], number>> },
): Promise<FuzzReport> {
  const tallies = new Map<string, Tally>();
  const findings: string[] = [];
  const lanes = { service: [] as number[], reader: [] as number[] };
  for (let seed = first; seed < first + count; seed++)
    lanes[targetOf(seed, targets).lane].push(seed);
  const runOne = async (seed: number) => {
    const target = targetOf(seed, targets);
    const one = new FuzzCase(seed, root);
    const started = performance.now();
    const outcome = await outcomeOf(target, one, findings);
    const seconds = (performance.now() - started) / 1000;
    const tally = tallies.get(target.name) ?? { outcomes: new Map(), seconds: 0, slowest: [0, 0] };
    tallies.set(target.name, tally);
    tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + 1);
    tally.seconds += seconds;
    if (seconds > tally.slowest[0]) tally.slowest = [seconds, seed];
    await one.forget();
  };
  const worker = async (seeds: number[]) => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) await runOne(seed);
  };
  await Promise.all(
    (['service', 'reader'] as const).flatMap((lane) =>
      Array.from({ length: width[lane] }, () => worker(lanes[lane])),
    ),
  );
  return { targets: tallies, findings };
}

async function outcomeOf(target: Target, one: FuzzCase, findings: string[]): Promise<string> {
  try {
    return await target.run(one);
  } catch (error) {
    const what = error instanceof Finding ? error.message : String((error as Error).stack);
    const place = await one.keep();
    const finding = `seed ${one.seed}, ${target.name}: ${what.slice(0, 1500)} (its files: ${place})`;
    findings.push(finding);
    // At once: should the run itself be ended, its findings are not lost.
    process.stderr.write(`${finding}\n`);
    return 'FINDING';
  }
}

/** The reports of two runs as one. */
export function together(a: FuzzReport, b: FuzzReport): FuzzReport {
  const targets = new Map(a.targets);
  for (const [name, { outcomes, seconds, slowest }] of b.targets) {
    const other = targets.get(name);
    const counts = new Map(other?.outcomes);
    for (const [outcome, count] of outcomes)
      counts.set(outcome, (counts.get(outcome) ?? 0) + count);
    targets.set(name, {
      outcomes: counts,
      seconds: seconds + (other?.seconds ?? 0),
      slowest: other && other.slowest[0] > slowest[0] ? other.slowest : slowest,
    });
  }
  return { targets, findings: [...a.findings, ...b.findings] };
}

/** The counts as lines for people. */
export function reportText({ targets }: FuzzReport): string {
  const rows = [...targets].sort(([a], [b]) => (a < b ? -1 : 1));
  return rows
    .map(([name, { outcomes, seconds, slowest }]) => {
      const total = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
      const counts = [...outcomes].sort(([, a], [, b]) => b - a);
      const each = counts.map(([outcome, count]) => `${count} ${outcome}`).join(', ');
      const [longest, seed] = slowest;
      const times = `${seconds.toFixed(1)} s, slowest ${longest.toFixed(1)} s (seed ${seed})`;
      return `  ${String(total).padStart(5)}  ${name}: ${each} · ${times}`;
    })
    .join('\n');
}

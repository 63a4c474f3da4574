import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { fuzzedService } from './fuzzed-service.js';
import { ReaderProcess } from './reader-process.js';
import { madeReceipt, readerTargets } from './reader-targets.js';
import { type CaseRange, casesFrom, reportText, runCases, together } from './run-cases.js';
import { serviceTargets } from './service-targets.js';

/** What a process may have grown by over a run, once garbage is gone: what allocators keep, and no more. */
const MOST_GROWTH = 128 * 2 ** 20;
/** Of the cases, these are run before memory is looked at: caches and compiled code fill up. */
const WARM = 0.2;

/**
 * Runs so many cases on a service of its own and on a process that reads files, and expects: no finding,
 * memory that stays, no file and no process left, and a service that is ready. Prints the counts.
 */
export async function fuzz(range: CaseRange): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'ventral-fuzz-cases-'));
  const reader = new ReaderProcess();
  const service = await fuzzedService();
  const started = performance.now();
  const cases = casesFrom(range);
  try {
    const home = join(root, 'home');
    const receipt = await madeReceipt(reader, root);
    const targets = [...serviceTargets(service), ...readerTargets(reader, home, receipt)];
    const settings = { root, width: { service: 2, reader: 1 } };
    const warm = Math.ceil(cases.count * WARM);
    const first = await runCases(targets, { first: cases.first, count: warm }, settings);
    const before = await held(service, reader);
    const rest = { first: cases.first + warm, count: cases.count - warm };
    const report = together(first, await runCases(targets, rest, settings));
    const left = await service.leftBehind();
    const after = await held(service, reader);
    const seconds = Math.round((performance.now() - started) / 1000);
    process.stderr.write(
      `fuzz: ${cases.count} cases from seed ${cases.first} in ${seconds} s\n${reportText(report)}\n` +
        `  memory after collection: service ${mebibytes(before.service)} → ${mebibytes(after.service)} MiB, ` +
        `reader ${mebibytes(before.reader)} → ${mebibytes(after.reader)} MiB (peak ${mebibytes(reader.peak)})\n`,
    );
    expect(report.findings).toEqual([]);
    expect(left).toEqual([]);
    expect((await service.call('GET', '/v1/ready')).status).toBe(200);
    expect(after.service - before.service).toBeLessThan(MOST_GROWTH);
    expect(after.reader - before.reader).toBeLessThan(MOST_GROWTH);
  } finally {
    reader.end();
    await service.stop();
    await rm(root, { recursive: true, force: true });
  }
}

type Held = { readonly service: number; readonly reader: number };

async function held(
  service: Awaited<ReturnType<typeof fuzzedService>>,
  reader: ReaderProcess,
): Promise<Held> {
  return { service: await service.collected(), reader: await reader.collected() };
}

const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);

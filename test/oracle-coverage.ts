import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { caseKeys, ORACLE } from './oracle.js';

/** Words about a case rather than numbers of it; see the oracle's README. */
const informational =
  /(^|\/)(name|note|description|versions|tolerance|sensitivity|coef_shape_note|converged_note|warnings|what|informational)(\/|$)/;
const informationalFiles = /(^|\/)(README\.md|raw_rank_deficient\.json|jpeg-on-screen\.json)$/;

/** Every file and case key of the oracle folder, as `file#key`. */
function expected(): string[] {
  return readdirSync(ORACLE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ORACLE, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((file) => !informationalFiles.test(file))
    .flatMap((file) =>
      file.endsWith('.json')
        ? caseKeys(JSON.parse(readFileSync(join(ORACLE, file), 'utf8')))
            .filter((key) => !informational.test(key))
            .map((key) => `${file}#${key}`)
        : [`${file}#`],
    );
}

/** Golden cases that are not among those touched. */
export function missingCases(touched: ReadonlySet<string>): string[] {
  return expected().filter((key) => !touched.has(key));
}

/** Global set-up of the tests: after a full run, fails it if a golden case was asserted by nothing. */
export default function setup() {
  const log = mkdtempSync(join(tmpdir(), 'ventral-oracle-'));
  process.env.VENTRAL_ORACLE_LOG = log;
  return () => {
    const touched = new Set(
      readdirSync(log).flatMap((file) => readFileSync(join(log, file), 'utf8').split('\n')),
    );
    rmSync(log, { recursive: true });
    const partial = process.argv.slice(2).some((word) => word !== 'run' && !word.startsWith('-'));
    if (partial) return;
    const missing = missingCases(touched);
    if (missing.length === 0) return;
    process.stderr.write(
      `${missing.length} golden cases are asserted by no test:\n${missing.join('\n')}\n`,
    );
    // An error thrown here would be printed, and the run would still end well.
    process.exitCode = 1;
  };
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ObserverTrials } from '../../src/metrics/error-consistency.js';

/** The trials of people on a set of Geirhos et al., from the tables of their repository. */
export function readHumanTrials(folder: string, set: string): ObserverTrials {
  const rows = readdirSync(join(folder, set)).flatMap((name) => {
    const lines = readFileSync(join(folder, set, name), 'utf8')
      .trim()
      .split(/\r?\n/)
      .slice(1);
    return lines.map((line) => line.split(','));
  });
  const column = (i: number) => rows.map((row) => row[i]);
  return {
    // subj, session, trial, rt, object_response, category, condition, imagename
    stimulusIds: column(7).map((name) => name.split('_').at(-1)!),
    subject: column(0),
    truth: column(5),
    choice: column(4),
    condition: column(6),
  };
}

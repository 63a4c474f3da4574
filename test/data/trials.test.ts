import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStimulusSet } from '../../src/data/stimulus-set.js';
import { readTrials } from '../../src/data/trials.js';
import { oracle, oraclePath } from '../oracle.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-trials-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('readTrials', () => {
  it('reads a table in file order, missing choices as empty text', async () => {
    const path = join(folder, 'trials.csv');
    await writeFile(
      path,
      'stimulus_id,subject,truth,choice\nb,s1,cat,dog\na,s1,dog,\nb,s2,cat,na\n',
    );
    const trials = await readTrials(path);
    expect(trials.stimulusIds).toEqual(['b', 'a', 'b']);
    expect(trials.columns.get('choice')).toEqual(['dog', '', 'na']);
    expect([...trials.columns.keys()]).toEqual(['stimulus_id', 'subject', 'truth', 'choice']);
  });

  it('reads the golden trials', async () => {
    const trials = await readTrials(oraclePath('09-end-to-end/behaviour/trials.csv'));
    expect(trials.stimulusIds.slice(0, 2)).toEqual(['t4848', 't8141']);
    expect(trials.columns.get('dist_obj')?.slice(0, 2)).toEqual(['dog', 'MB30203']);
  });

  it.each(['Behavior2026_plain', 'Behavior2026_compressed'])(
    'reads the assembly %s',
    async (name) => {
      const { parsed, file } = oracle(`08-brainio/expected_assy_oracle_${name}.json`);
      const stimuli = await openStimulusSet({
        identifier: 'Plain2026.public',
        csv: oraclePath('08-brainio/stimulus_Plain2026_public.csv'),
      });
      const trials = await readTrials(oraclePath(`08-brainio/${file}`), stimuli);
      expect(trials.columns.get('choice')).toEqual(parsed.values.values);
      // What the assembly holds is a column too, under a name that `trial_columns` can give.
      expect(trials.columns.get('values')).toEqual(parsed.values.values);
      expect([...trials.columns.keys()]).toEqual([
        ...Array.from(parsed.coords as { name: string }[], (coordinate) => coordinate.name),
        'values',
      ]);
    },
  );

  it.each([
    [
      'no stimulus_id',
      'image,choice\na,b\n',
      'trials-invalid',
      /a column stimulus_id expected, "image", "choice" found/,
    ],
    ['no trials', 'stimulus_id,choice\n', 'trials-invalid', /trials expected, none found/],
    ['an unclosed quote', 'stimulus_id,choice\n"a,b\n', 'csv-invalid', /line/],
  ])('refuses %s', async (what, text, code, sentence) => {
    const path = join(folder, `${what}.csv`);
    await writeFile(path, text);
    await expect(readTrials(path)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(sentence),
    });
  });

  it('refuses an assembly with more than one dimension', async () => {
    const path = oraclePath('08-brainio/assy_oracle_Probabilities2026.nc');
    await expect(readTrials(path)).rejects.toMatchObject({ code: 'trials-invalid' });
  });
});

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { TrainingEvent } from '../../../src/training/record/training-event.js';
import { trainingPage } from '../../../src/training/record/training-page.js';
import { hostileNames } from '../../cli/made-map.js';
import { trainingEvents } from '../training-events.js';

const run = {
  name: 'small',
  recipe: { name: 'small', seed: 1, stages: [{ train: { name: 'adversarial', rate: 0.1 } }] },
  versions: { ventral: '0.1.0' },
  digests: { 'data.train': `sha256:${'0'.repeat(64)}` },
};
const page = trainingPage(trainingEvents, run);
const count = (pattern: RegExp, text = page) => (text.match(pattern) ?? []).length;

describe('the page of a training', () => {
  test('is the same for the same run, asks for nothing and runs nothing', () => {
    expect(trainingPage(trainingEvents, run)).toBe(page);
    expect(page).not.toMatch(/https?:|@import|src=|href=|<link|<iframe|<script| style=/);
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    const digest = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(`style-src &#39;sha256-${digest}`);
  });

  test('shows the curves of each stage, with every epoch as a table', () => {
    expect(page).toMatch(/<h2>Stage <bdi><code>adversarial/);
    expect(page).toMatch(/<h2>Stage <bdi><code>behaviour/);
    expect(count(/<h3>Loss<\/h3>/g)).toBe(2);
    expect(count(/<h3>Learning rate<\/h3>/g)).toBe(2);
    expect(count(/<h3>Radius of the attack<\/h3>/g)).toBe(1);
    expect(page).toMatch(/data-label="under attack">0\.250</);
    expect(page).toContain('checkpoints/adversarial-0.onnx');
    expect(page).toMatch(/checkpoints\/soup\.onnx.* is the mean of .*checkpoints\/behaviour-0/);
  });

  test('shows robust accuracy against epsilon, with counts and intervals', () => {
    expect(page).toContain('Accuracy against epsilon, Linf');
    expect(page).toContain('>30/100<');
    expect(page).toContain('0.050 to 0.600');
    expect(page).toContain('upper bound on robustness');
  });

  test('shows the scores beside untrained and pixels, and marks what is simulated', () => {
    const scores = page.slice(page.indexOf('<h2>Scores'), page.indexOf('<h2>Recipe'));
    const rows = [...scores.matchAll(/<th scope="row"><small>(\d)<\/small> <bdi><code>(\w+)/g)];
    expect(rows.map(([, number, name]) => `${number} ${name}`)).toEqual([
      '1 pixels',
      '2 untrained',
      '3 soup',
    ]);
    expect(scores).toMatch(/Simulated\.V1-pls<\/code><\/bdi><br><span class="tag">simulated/);
    expect(scores).not.toMatch(/FreemanZiemba2013public\.V1-pls<\/code><\/bdi><br><span/);
    expect(scores).toContain('the data are not here');
    expect(page).toMatch(/class="loud">Simulated: Simulated\.V1-pls\./);
  });

  test('ends with recipe, versions and digests', () => {
    expect(page).toContain('    - train:\n        name: adversarial'.replaceAll(/^ {2}/gm, ''));
    expect(page).toContain('<dt>data.train</dt>');
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('has a page for a run that has only begun, and for one that went wrong', () => {
    expect(trainingPage([], run)).toContain('Training of <bdi>small');
    const lost = { ...trainingEvents[0], loss: Number.NaN } as TrainingEvent;
    expect(trainingPage([lost], run)).not.toMatch(/NaN/);
  });

  test('draws ten thousand steps in as many points as can be told apart', () => {
    const steps = Array.from(
      { length: 10_000 },
      (_, step) => ({ ...trainingEvents[3], step, loss: 1 / (step + 1) }) as TrainingEvent,
    );
    const long = trainingPage(steps, run);
    expect(count(/class="dot"/g, long)).toBeLessThan(320);
    expect(long).toContain('mean of steps 0 to 66');
  });

  test.each(hostileNames)('takes a hostile name for text wherever it stands: %#', (name) => {
    const events = trainingEvents.map((event) => {
      const named = { ...event } as Record<string, unknown>;
      for (const field of ['stage', 'checkpoint', 'benchmark', 'reason'])
        if (field in named) named[field] = `${name}${named[field]}`;
      return named as TrainingEvent;
    });
    const [robust] = events.filter(({ kind }) => kind === 'robustness');
    events.push({ ...robust, attack: name } as TrainingEvent);
    const hostile = trainingPage(events, { ...run, name, digests: { [name]: name } });
    const tags = (text: string) => [...text.matchAll(/<([a-z0-9]+)/gi)].map(([, tag]) => tag);
    expect(new Set(tags(hostile))).toEqual(new Set(tags(page)));
    for (const hidden of ['\u202e', '\u001b']) expect(hostile.includes(hidden)).toBe(false);
  });
});

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeZip } from '../../src/formats/zip.js';
import { type RunningService, runningService } from '../service/running-service.js';

let service: RunningService;
beforeAll(async () => {
  service = await runningService();
});
afterAll(async () => {
  await vi.waitFor(async () => expect(await service.leftovers()).toEqual([]));
  await service.stop();
});

/** Sends a benchmark of these files, and gives the answer. */
async function send(files: Readonly<Record<string, readonly string[]>>) {
  const path = join(service.home, 'sent.zip');
  await writeZip(
    path,
    Object.entries(files).map(([name, lines]) => ({
      name,
      data: Buffer.from([...lines, ''].join('\n')),
      compress: true,
    })),
  );
  const asked = { headers: { 'Content-Type': 'application/zip' }, body: await readFile(path) };
  await rm(path);
  return service.call('POST', '/v1/benchmarks', asked);
}

const head = ['version: 1', 'visual_degrees: 8', 'stimuli: { csv: stimuli.csv }'];
const triplets = {
  'benchmark.yaml': [
    ...['identifier: lab-triplets', ...head, 'trials: triplets.csv', 'task: odd-one-out'],
    ...['metric: { name: odd-one-out, chance: 0.3333333333333333 }', 'ceiling: 0.6767'],
  ],
  'stimuli.csv': ['stimulus_id', 'a', 'b', 'c', 'd'],
  'triplets.csv': ['image_1,image_2,image_3', 'a,b,c', 'b,c,d'],
};

describe('a benchmark of choices that is sent', () => {
  it('as triplets is told in numbers, with its ceiling', async () => {
    const sent = await send(triplets);
    expect(sent.status, JSON.stringify(sent.body)).toBe(201);
    const { body } = await service.get(`/v1/benchmarks/${sent.body.id}/data`);
    expect(body.items[0]).toMatchObject({
      id: 'lab-triplets',
      metric: { name: 'odd-one-out', chance: 1 / 3 },
      ceiling: { name: 'fixed', value: 0.6767 },
      stimuli: { stimuli: 4 },
      trials: { trials: 2, subjects: null },
      recordings: null,
    });
  });

  it('whose ceiling is below chance is refused in words', async () => {
    const [first, ...rest] = triplets['benchmark.yaml'];
    const low = [first, ...rest.slice(0, -1), 'ceiling: 0.3'];
    expect(await send({ ...triplets, 'benchmark.yaml': low })).toMatchObject({
      status: 422,
      body: { detail: expect.stringMatching(/ceiling: expected more than chance/) },
    });
  });

  it('of people who saw other images is told in numbers, with what belongs to each task', async () => {
    const shown = '{ easy: { kind: plain }, hard: { kind: blurred } }';
    const sent = await send({
      'benchmark.yaml': [
        ...['identifier: lab-tasks', ...head, 'fitting_stimuli: { csv: fitting.csv }'],
        ...['trials: trials.csv', 'task: probabilities', 'ceiling: 0.9981'],
        `metric: { name: accuracy-profile, column: task, pooled: true, shown: ${shown} }`,
      ],
      'stimuli.csv': ['stimulus_id,image_label,kind', 'a,cat,plain', 'b,dog,blurred'],
      'fitting.csv': ['stimulus_id,image_label', 'f,cat', 'g,dog'],
      'trials.csv': [
        'stimulus_id,subject,truth,choice,task',
        ...['x,ann,cat,cat,easy', 'y,ann,dog,cat,hard', 'x,bob,cat,dog,easy', 'y,bob,dog,dog,hard'],
      ],
    });
    expect(sent.status, JSON.stringify(sent.body)).toBe(201);
    const { body } = await service.get(`/v1/benchmarks/${sent.body.id}/data`);
    expect(body.items[0]).toMatchObject({
      metric: { pooled: true, shown: { easy: { kind: 'plain' }, hard: { kind: 'blurred' } } },
      fittingStimuli: { stimuli: 2 },
      trials: { trials: 4, subjects: 2 },
    });
  });
});

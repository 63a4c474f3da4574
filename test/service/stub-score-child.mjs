// Stands in for the scoring process: what it does is said by the layer that is asked for V1, or by the
// first layer of a map.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveParent } from '../../dist/src/service/child/serve-parent.js';

/** Longer than events are apart. */
const BETWEEN_MS = 700;

serveParent(async () => async (task, progress, part) => {
  const named = task.layers?.V1 ?? task.layers?.[0] ?? globalThis.wordOfShipped ?? 'score';
  const [word, amount] = named.split('=');
  if (word === 'real') {
    const { runScoreTask } = await import('../../dist/src/service/work/score-task.js');
    const { layers: _layers, ...asked } = task;
    return runScoreTask(asked, progress, part);
  }
  progress({ stage: 'activations', done: 1, total: 4 });
  if (word === 'steady') return steady(task, Number(amount.split('.')[0]), progress, part);
  if (word === 'cells') await cells(task, Number(amount), progress, part);
  for (let done = 1; word === 'steps' && done <= Number(amount); done++) {
    await sleep(50);
    progress({ stage: 'metric', done, total: Number(amount) });
  }
  // A job of which four tenths are done, and which then says nothing for a while.
  if (word === 'far') {
    const whole = { share: 0.4, elapsedSeconds: 20, etaSeconds: 30 };
    progress({ stage: 'metric', done: 3, total: 4, ...whole });
    await sleep(Number(amount));
  }
  if (word === 'sleep') await sleep(Number(amount));
  if (word === 'hold') for (const end = Date.now() + Number(amount); Date.now() < end; );
  if (word === 'abort') process.abort();
  if (word === 'eat') {
    const held = [];
    for (;;) {
      held.push(Buffer.alloc(2 ** 24, 1));
      await sleep(2);
    }
  }
  if (word === 'forge') return forged(task, amount, part);
  if (word === 'throw') throw new Error('on purpose');
  const [failing, ...others] = word === 'part' ? task.benchmarks : [undefined, ...task.benchmarks];
  const failures = failing
    ? [
        {
          benchmark: failing,
          error: { code: 'units-too-few', message: 'too few units', details: {} },
        },
      ]
    : [];
  const scores = others.map((benchmark) => score(benchmark, task));
  return task.kind === 'score'
    ? { kind: 'score', scores, failures }
    : { kind: 'layer-map', map: mapOf(task, scores), failures };
});

/** What comes of a process that an uploaded benchmark has taken over; others do what they are asked. */
function forged(task, amount, part) {
  const others = task.benchmarks.map((benchmark) => ({ ...score(benchmark, task), value: 0.25 }));
  const whole = { kind: 'score', scores: others, failures: [] };
  const [own] = others;
  const odd = {
    other: () => {
      const other = { ...own, benchmark: 'Simulated.V1-pls', value: 0.99 };
      if (!task.benchmarks[0].startsWith('/')) return whole;
      part({ score: other });
      return { ...whole, scores: [other] };
    },
    text: () => ({ ...whole, scores: [{ ...own, value: 'abc' }] }),
    few: () => ({ ...whole, scores: [{ benchmark: own.benchmark }] }),
    nothing: () => ({ ...whole, scores: [null] }),
    list: () => ({ ...whole, scores: { length: 1 } }),
    interval: () => ({ ...whole, scores: [{ ...own, ci: ['<b>', {}] }] }),
    version: () => ({ ...whole, scores: [{ ...own, version: '1 card x' }] }),
    twice: () => ({ ...whole, scores: [own, { ...own, value: 0.75 }] }),
    zero: () => ({ ...whole, scores: [{ ...own, layer: 'a\u0000b' }] }),
    proto: () => ({ ...whole, scores: [{ ...own, ...JSON.parse('{"__proto__":{"value":1}}') }] }),
    draws: () => ({
      ...whole,
      draws: Object.fromEntries(task.benchmarks.map((benchmark) => [benchmark, 'Zm9yZ2Vk'])),
    }),
    long: () => ({ ...whole, draws: { [own.benchmark]: 'A'.repeat(2_000_001) } }),
    usage: () => ({ ...whole, usage: { peakRssMiB: 'x', cacheHits: {} } }),
    map: () => ({ kind: 'layer-map', map: { chosen: {} }, failures: [] }),
    empty: () => null,
  };
  return odd[amount]();
}

/** Scores that their inputs decide, each sent ahead, in this many milliseconds. */
async function steady(task, milliseconds, progress, part) {
  const scores = [];
  for (const benchmark of task.benchmarks) {
    await sleep(milliseconds / task.benchmarks.length);
    const inputs = JSON.stringify([task.model.name, benchmark, task.layers.V1]);
    const value = createHash('sha256').update(inputs).digest().readUInt32LE() / 2 ** 32;
    scores.push({ ...score(benchmark, task), value });
    part({ score: scores.at(-1) });
    progress({ stage: 'metric', done: scores.length, total: task.benchmarks.length });
  }
  return { kind: 'score', scores, failures: [] };
}

/** What is known of a map, sent ahead: its rows, soon a cell, and in this many milliseconds one for each other benchmark. */
async function cells(task, milliseconds, progress, part) {
  const { benchmarks, layers } = mapOf(task, []);
  const tell = (rows) => part({ map: { benchmarks, layers: rows } });
  const [first, ...others] = layers;
  tell([{ ...first, units: null, cells: {} }, ...others]);
  for (const [i, benchmark] of benchmarks.entries()) {
    await sleep(i === 0 ? BETWEEN_MS : milliseconds / (benchmarks.length - 1));
    tell([{ ...first, cells: { [benchmark]: score(benchmark, task) } }]);
    progress({ stage: 'metric', done: i + 1, total: benchmarks.length });
  }
  await sleep(BETWEEN_MS);
}

/** What permuted stimuli reach. */
const floorOf = (floor, above) => {
  const part = { runs: Array(19).fill(floor), mean: floor, floor, above, p: 0.05 };
  return { rows: { null: 'rows', seed: 1, value: part, raw: part } };
};

const nestedScore = {
  ...{ value: 0.42, error: 0.01, ci: [0.3, 0.5], formula: 'raw^2/ceiling', errorOf: 'raw' },
  ...{ errorKind: 'sem over splits', raw: { value: 0.6, error: 0.01, splits: [0.6] } },
  ...{ ceiling: null, splits: ['layer1', 'layer3'], method: 'highest', warnings: [] },
  layers: [
    { layer: 'layer1', splits: 1 },
    { layer: 'layer3', splits: 1 },
  ],
  inputs: 'sha256:x',
};

/** A map of one layer with a value, and others without; with floors, another one that is inside its own. */
function mapOf({ model, benchmarks, holdout, floors, nested }, scores) {
  const entries = (value) => Object.fromEntries(benchmarks.map((id) => [id, value(id)]));
  const reason = { reason: '24 units < 25 components' };
  const cells = entries((id) => scores.find(({ benchmark }) => benchmark === id) ?? reason);
  const floored = (floor, above) =>
    floors ? { floors: entries(() => floorOf(floor, above)) } : {};
  const choice = { by: { benchmark: 'x', version: 1, inputs: 'sha256:x', method: 'max' } };
  const chosen = scores.map(({ benchmark }) => [
    benchmark,
    { layer: 'layer1', tied: [], choice, role: 'V1' },
  ]);
  return {
    model: `sha256:${'a'.repeat(64)}`,
    name: model.name,
    benchmarks,
    layers: [
      { layer: 'layer1', units: 100, depth: 1, cells, ...floored(0.05, 0.2) },
      { layer: 'layer2', aliases: ['two'], units: 24, depth: 2, cells: entries(() => reason) },
      floors
        ? { layer: 'layer3', units: 100, depth: 3, cells, ...floored(0.4, -0.1) }
        : {
            layer: 'layer3',
            units: null,
            depth: null,
            cells: entries(() => ({ reason: 'folded' })),
          },
    ],
    ...(nested ? { nested: entries(() => nestedScore) } : {}),
    chosen: Object.fromEntries(chosen),
    ...(holdout ? { holdout: cells } : {}),
    plan: {
      layers: [{ layer: 'layer1', units: 100 }],
      sets: [{ benchmarks, stimuli: 40, passes: [['layer1', 'layer2']], cached: 0 }],
      memory: 1e6,
      scratch: 0,
    },
    provenance: {
      ventral: '0',
      inputs: 'sha256:x',
      runtime: { ort: '1', provider: 'cpu', threads: 1 },
      seconds: 0.1,
      peakRssMiB: 10,
      selection: 'by the highest value',
    },
  };
}

const distribution = {
  property: 'peak_spatial_frequency',
  unit: 'cycles per degree',
  bins: [0.35, 0.7, 1.4, 2.8],
  neurons: { counts: [10, 30, 20], without_value: 4 },
  units: { counts: [1, 5, 6], without_value: 2, at_stimulus: 16, of_layer: 34_656 },
};

function score(benchmark, { model, input, layers }) {
  // As the child that scores tells it of a layer that a map chose, here on this very benchmark.
  const chosen = layers?.V1 === 'chosen';
  const by = chosen ? { benchmark, version: 1, inputs: 'sha256:0', method: 'highest' } : 'card';
  const part = { value: 0.5, error: 0.01, splits: [0.49, 0.51] };
  return {
    benchmark,
    version: 1,
    region: 'V1',
    simulated: false,
    verified: false,
    model: null,
    name: model.name,
    layer: 'layer1',
    layerChoice: { by },
    selection: chosen,
    value: Math.random(),
    error: 0.01,
    ci: [0.1, 0.2],
    formula: 'raw^2/ceiling',
    errorOf: 'raw',
    errorKind: 'sem over splits',
    raw: part,
    ceiling: part,
    ...(benchmark.startsWith('Marques2020_') ? { distribution } : {}),
    warnings: [],
    provenance: {
      ventral: '0',
      metric: 'pls@1',
      inputs: 'sha256:x',
      runtime: {},
      seconds: 0,
      peakRssMiB: 0,
      card: model.card,
      input,
    },
  };
}

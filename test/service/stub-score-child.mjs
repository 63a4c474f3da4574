// Stands in for the scoring process: what it does is said by the layer that is asked for V1.
import { setTimeout as sleep } from 'node:timers/promises';
import { serveParent } from '../../dist/src/service/serve-parent.js';

serveParent(async () => async (task, progress) => {
  const [word, amount] = (task.layers?.V1 ?? 'score').split('=');
  progress({ stage: 'activations', done: 1, total: 4 });
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
  if (word === 'environment') {
    const { readdirSync } = await import('node:fs');
    throw new Error(
      JSON.stringify({
        names: Object.keys(process.env),
        cwd: process.cwd(),
        files: readdirSync('.'),
      }),
    );
  }
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
  return { scores: others.map((benchmark) => score(benchmark, task)), failures };
});

function score(benchmark, { model, input }) {
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
    layerChoice: { by: 'card' },
    selection: false,
    value: Math.random(),
    error: 0.01,
    ci: [0.1, 0.2],
    formula: 'raw^2/ceiling',
    errorOf: 'raw',
    errorKind: 'sem over splits',
    raw: part,
    ceiling: part,
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

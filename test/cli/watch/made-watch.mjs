// A watch whose scores are made up, for kills: node made-watch.mjs FOLDER, with runs/ in it.
import { join } from 'node:path';
import { metricPrefixes } from '../../../dist/src/cli/watch/metric-names.js';
import { WatchLoop } from '../../../dist/src/cli/watch/watch-loop.js';
import { openOutputs } from '../../../dist/src/cli/watch/watch-outputs.js';
import { WatchState } from '../../../dist/src/cli/watch/watch-state.js';

const at = (...names) => join(process.argv[2], ...names);
const state = await WatchState.open(at('state'), 'made', {});
const places = { tensorboard: at('logs'), jsonl: at('scores.jsonl') };
const outputs = await openOutputs(places, state, metricPrefixes(['made']));
const score = async () => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  const row = {
    benchmark: 'made',
    region: null,
    map: 'fixed',
    layer: 'conv2',
    value: 0.5,
    ci: null,
  };
  const more = { raw: 0.4, ceiling: 0.9, selection: false, simulated: true, inputs: 'sha256:0' };
  return { rows: [{ ...row, ...more }], failures: [] };
};
const loop = new WatchLoop(
  {
    ...{ root: at('runs'), name: 'runs', wanted: () => true, weights: {}, card: {}, ownCard: {} },
    ...{ interval: 20, once: true, home: at('home'), maxScratch: 2 ** 30, threads: 1 },
  },
  {
    ...{ state, scorer: { score, close: async () => {} }, signal: new AbortController().signal },
    told: () => outputs.write(),
    io: { out() {}, err() {}, interactive: false, color: false },
  },
);
await loop.run();
await outputs.close();
await state.close();

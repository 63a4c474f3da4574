// Stands in for a scoring process that its model has taken over: it plants files in the caches, and says what it saw.
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContentCache } from '../../dist/src/activations/cache/content-cache.js';
import { serveParent } from '../../dist/src/service/child/serve-parent.js';

const attempt = (act) => {
  try {
    return act() ?? 'done';
  } catch (error) {
    return error.code;
  }
};

serveParent(async () => async ({ home, benchmarks, model, cacheScope }) => {
  const cache = join(home, 'cache', 'activations');
  const planted = (folder) =>
    attempt(() => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'planted'), model.name);
    });
  const own = ContentCache.folderOf(home, cacheScope);
  const told = {
    found: attempt(() => readdirSync(own)),
    own: planted(own),
    link: attempt(() => symlinkSync(join(home, 'models'), join(own, '00'))),
    others: attempt(() => readdirSync(join(cache, 'scopes')).length),
    shared: planted(join(cache, '00')),
    simulated: planted(join(home, 'cache', 'simulated')),
    made: attempt(() => readdirSync(join(home, 'cache', 'simulated'))),
  };
  const error = { code: 'units-too-few', message: JSON.stringify(told), details: {} };
  const failures = benchmarks.map((benchmark) => ({ benchmark, error }));
  return { kind: 'score', scores: [], failures };
});

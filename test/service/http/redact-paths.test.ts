import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../src/formats/package-root.js';
import { redactPaths } from '../../../src/service/http/redact-paths.js';

const home = '/srv/ventral home';

test.each([
  [
    `${home}/benchmarks/ab/abcd/stimuli.csv has the column x twice`,
    'stimuli.csv has the column x twice',
  ],
  [`Compare ${home}/a.nc and ${home}/tmp/service/child-x/b.nc`, 'Compare a.nc and b.nc'],
  [`${home} itself, and /srv/other/a.csv`, `${home} itself, and /srv/other/a.csv`],
  [
    `Cannot open ${join(packageRoot, 'node_modules', '@scope', 'name', 'index.js')}`,
    'Cannot open index.js',
  ],
  ['nothing of the kind', 'nothing of the kind'],
])('%s', (detail, expected) => {
  expect(redactPaths({ detail }, home)).toEqual({ detail: expected });
  const errors = [{ pointer: '/x', detail }];
  expect(redactPaths({ detail: '', errors }, home).errors).toEqual([
    { pointer: '/x', detail: expected },
  ]);
});

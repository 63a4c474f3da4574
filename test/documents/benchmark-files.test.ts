import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseBenchmarks } from '../../src/scoring/registry/benchmark-file.js';
import { documents, root } from './shell-blocks.js';

test('each benchmark file that a document shows is valid', () => {
  const shown = documents.flatMap((document) => {
    const text = readFileSync(join(root, document), 'utf8');
    return [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)]
      .map(([, yaml]) => yaml)
      .filter((yaml) => /^identifier: /m.test(yaml) && /^version: \d/m.test(yaml))
      .map((yaml) => ({ document, yaml }));
  });
  expect(shown.length).toBeGreaterThan(6);
  for (const { document, yaml } of shown)
    expect(
      () => parseBenchmarks(yaml, { file: document, folder: root }),
      `${document}: ${yaml}`,
    ).not.toThrow();
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { apiDescription } from '../../src/formats/api-description.js';
import { packageRoot } from '../../src/formats/package-root.js';

it('the description that the build parsed is that of openapi.yaml', async () => {
  const text = await readFile(join(packageRoot, 'openapi.yaml'), 'utf8');
  expect(apiDescription()).toEqual({ text, document: parse(text) });
});

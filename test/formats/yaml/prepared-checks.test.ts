import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { cardSchema } from '../../../src/activations/card/card.js';
import { packageRoot } from '../../../src/formats/package-root.js';
import { compileSchema, readCheckedYaml } from '../../../src/formats/yaml/checked-yaml.js';
import { preparedValidator } from '../../../src/formats/yaml/prepared-checks.js';
import { parseBenchmarks, readBenchmarks } from '../../../src/scoring/registry/benchmark-file.js';
import { ablationSchema } from '../../../src/training/ablation/ablation.js';
import { feedSchema } from '../../../src/training/augment/transforms.js';
import { recipeSchema } from '../../../src/training/recipe/recipe.js';

const benchmarkSchema = JSON.parse(
  readFileSync(join(packageRoot, 'benchmarks', 'benchmark.schema.json'), 'utf8'),
);
const filesIn = (folder: string, name: RegExp) =>
  readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => name.test(path))
    .map((path) => join(packageRoot, folder, path));
const cards = filesIn('models', /\/model\.yaml$/);
const benchmarks = filesIn('benchmarks', /\.yaml$/);

describe('what the build has prepared', () => {
  it.each([
    ['card', cardSchema, cards],
    ['benchmark', benchmarkSchema, benchmarks],
  ] as const)('has the value of each %s that ships', (_kind, schema, files) => {
    for (const file of files) {
      const text = readFileSync(file, 'utf8');
      const read = readCheckedYaml(text, { file, schema, code: 'card-invalid' });
      expect(read.prepared, file).toBe(true);
      expect(read.value).toEqual(parse(text));
      const other = readCheckedYaml(`${text}\n# as anybody writes it\n`, {
        ...{ file, schema, code: 'card-invalid' },
      });
      expect(other.prepared).toBe(false);
      expect(other.value).toEqual(read.value);
      const pointer = `/${Object.keys(read.value as object).at(-1)}`;
      expect(read.place(pointer)).toBe(other.place(pointer));
      expect(read.place(pointer)).not.toBe(`${file}:1:1`);
    }
  });

  it('gives the benchmarks that a whole reading gives', () => {
    for (const file of benchmarks) {
      const text = `${readFileSync(file, 'utf8')}\n`;
      expect(readBenchmarks(file)).toEqual(
        parseBenchmarks(text, { file, folder: join(file, '..') }),
      );
    }
  });

  it('gives values that nobody else holds', () => {
    const [file] = cards;
    const text = readFileSync(file, 'utf8');
    const read = () => readCheckedYaml(text, { file, schema: cardSchema, code: 'card-invalid' });
    (read().value as { input: unknown }).input = 'changed';
    expect(read().value).toEqual(parse(text));
  });

  it.each([
    ['card', cardSchema],
    ['benchmark', benchmarkSchema],
    ['recipe', recipeSchema],
    ['ablation', ablationSchema],
    ['feed', feedSchema],
  ])('has a validator of a %s that says what a compiled one says', (_kind, schema) => {
    const prepared = preparedValidator(schema);
    const { validate } = compileSchema(schema);
    for (const value of [null, [], {}, { input: 1, name: 'é'.repeat(3000) }, { stages: [{}] }]) {
      expect(prepared?.(value)).toBe(validate(value));
      expect(prepared?.errors).toEqual(validate.errors);
    }
  });

  it('knows no other schema', () => {
    expect(preparedValidator({ ...cardSchema, title: 'another' })).toBeUndefined();
  });
});

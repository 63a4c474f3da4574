import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';

const { identifiers, called, absent } = JSON.parse(
  readFileSync('benchmarks/registered.json', 'utf8'),
) as {
  readonly identifiers: readonly string[];
  readonly called: Readonly<Record<string, string>>;
  readonly absent: Readonly<Record<string, string>>;
};
const here = new Set(listBenchmarks().map(({ id }) => id));

test('names 272 identifiers that Brain-Score registers, each once', () => {
  expect(new Set(identifiers).size).toBe(272);
  expect(identifiers).toHaveLength(272);
});

test('gives a reason for none that is here, and other names only to those that are', () => {
  for (const identifier of Object.keys(absent)) {
    expect(identifiers).toContain(identifier);
    expect(here.has(called[identifier] ?? identifier), identifier).toBe(false);
  }
  for (const [identifier, own] of Object.entries(called)) {
    expect(identifiers).toContain(identifier);
    expect(here.has(own), own).toBe(true);
  }
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { importCheckpoint } from '../../src/importing/import-checkpoint.js';
import { RandomState } from '../../src/numerics/random/random-state.js';

const fixture = (name: string) => join(import.meta.dirname, '..', 'fixtures', 'graft', name);

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-damaged-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A few bytes changed, or the end cut off. */
function damaged(bytes: Uint8Array, random: RandomState): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const changes = 1 + random.interval(3);
  for (let i = 0; i < changes; i++) copy[random.interval(copy.length - 1)] = random.interval(255);
  return random.interval(9) === 0 ? copy.subarray(0, random.interval(copy.length)) : copy;
}

test.each([
  ['graph', '-folded.onnx', ['resnet', 'mobilenet', 'transformer'], 20],
  ['reference', '.npz', ['resnet'], 20],
] as const)(
  'a damaged %s is imported or refused with one error, and nothing half written',
  async (field, ending, names, count) => {
    const random = new RandomState(7);
    for (let i = 0; i < count * names.length; i++) {
      const name = names[i % names.length];
      const path = join(root, `damaged${ending}`);
      writeFileSync(path, damaged(readFileSync(fixture(`${name}${ending}`)), random));
      const output = join(root, 'imported.onnx');
      const request = {
        checkpoint: fixture(`${name}.pth`),
        graph: fixture(`${name}-folded.onnx`),
        output,
        force: true,
        threads: 1,
        [field]: path,
      };
      const error = await importCheckpoint(request).then(() => undefined, VentralError.from);
      expect(error?.code, error?.stack).not.toBe('internal');
      const written = error === undefined ? ['imported.onnx'] : [];
      const found = readdirSync(root).filter((file) => !file.startsWith('damaged'));
      expect(found).toEqual(written);
      rmSync(output, { force: true });
    }
  },
);

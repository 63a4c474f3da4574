import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type Coordinate, readAssembly } from '../../src/data/assembly.js';
import { openStimulusSet } from '../../src/data/stimulus-set.js';
import { openNetcdf } from '../../src/formats/netcdf.js';
import { numbers, type OracleArray, oracle, oraclePath } from '../oracle.js';

const names = [
  'Neural2026_public',
  'Float32Uncompressed2026',
  'SingleLevel2026',
  'Behavior2026_plain',
  'Behavior2026_compressed',
  'Probabilities2026',
  'LegacyImageId2026',
  'ChunkedChar2026',
  'ScaleFill2026',
];

const isText = ({ dtype }: OracleArray) => ['string', 'mixed', 'bool', 'char'].includes(dtype);
const valuesOf = (array: OracleArray) =>
  isText(array) ? array.values : Array.from(numbers(array));
const plain = (values: ArrayLike<unknown>) =>
  Array.from(values, (value) => (typeof value === 'bigint' ? Number(value) : value));

/** int64 of the file is int32 where the reference's JSON shows it. */
const kind = (dtype: string) =>
  /^u?int/.test(dtype) ? 'integer' : dtype === 'mixed' || dtype === 'char' ? 'string' : dtype;

async function plainStimuli(set: string | null) {
  if (set === null) return undefined;
  return openStimulusSet({
    identifier: set,
    csv: oraclePath('08-brainio/stimulus_Plain2026_public.csv'),
  });
}

describe('the files of the reference', () => {
  it.each(names)('%s: variables as stored', async (name) => {
    const { netcdf, file } = oracle(`08-brainio/expected_assy_oracle_${name}.json`);
    const nc = await openNetcdf(oraclePath(`08-brainio/${file}`));
    expect(netcdf.data_model).toBe('NETCDF4');
    expect(Object.fromEntries(nc.root.dimensions)).toEqual(netcdf.dimensions);
    expect(Object.fromEntries(nc.root.attributes)).toEqual(
      Object.fromEntries(
        Object.entries(netcdf.global_attributes).map(([key, value]) => [
          key,
          key === 'n' ? Number(value) : value,
        ]),
      ),
    );
    expect(nc.root.groups).toEqual(Object.values(netcdf.groups));
    expect(nc.root.variables.map((variable) => variable.name)).toEqual(
      Array.from(netcdf.variables as { name: string }[], (variable) => variable.name),
    );
    for (const expected of netcdf.variables) {
      const variable = nc.variable(expected.name);
      expect(variable.dims).toEqual(expected.dimensions);
      expect(variable.shape).toEqual(expected.shape);
      expect(variable.chunks ?? 'contiguous').toEqual(expected.chunking);
      expect(variable.filters).toEqual(expected.filters);
      const stored =
        expected.nc_dtype === '|S1' || expected.nc_dtype === 'S1' ? 'string' : expected.nc_dtype;
      expect(variable.dtype).toBe(stored);
      for (const [key, value] of Object.entries(expected.attributes)) {
        const found = variable.attributes.get(key);
        expect(
          value === 'NaN'
            ? Number.isNaN(found)
            : found === value || String(found) === String(value),
        ).toBe(true);
      }
      expect([...variable.attributes.keys()].sort()).toEqual(
        Object.keys(expected.attributes).sort(),
      );
    }
    await nc.close();
  });

  it.each(names)('%s: stored values', async (name) => {
    const { netcdf, file } = oracle(`08-brainio/expected_assy_oracle_${name}.json`);
    const nc = await openNetcdf(oraclePath(`08-brainio/${file}`));
    for (const expected of netcdf.variables) {
      const stored = await nc.read(expected.name);
      expect(plain(stored)).toEqual(valuesOf(expected.values));
    }
    await nc.close();
  });

  it.each(names)('%s: parsed as the reference loads it', async (name) => {
    const {
      parsed,
      file,
      stimulus_set: set,
      sha1,
    } = oracle(`08-brainio/expected_assy_oracle_${name}.json`);
    const bytes = await readFile(oraclePath(`08-brainio/${file}`));
    expect(createHash('sha1').update(bytes).digest('hex')).toBe(sha1);
    const stimuli = await plainStimuli(set);
    const assembly = await readAssembly(
      oraclePath(`08-brainio/${file}`),
      stimuli ? { stimuli } : {},
    );
    expect(assembly.dims).toEqual(parsed.dims);
    expect(assembly.shape).toEqual(parsed.shape);
    expect(assembly.dtype).toBe(parsed.dtype);
    expect(plain(assembly.values)).toEqual(valuesOf(parsed.values));
    expect(
      Object.fromEntries(
        Object.entries(assembly.attributes).map(([key, value]) => [key, String(value)]),
      ),
    ).toEqual(parsed.attributes);
    const coords = Array.from(
      parsed.coords as { name: string; dims: string[]; values: OracleArray }[],
    );
    expect([...assembly.coords.keys()]).toEqual(coords.map((coordinate) => coordinate.name));
    for (const expected of coords) {
      const found = assembly.coords.get(expected.name) as Coordinate;
      expect([found.dim]).toEqual(expected.dims);
      expect(kind(found.dtype)).toBe(kind(expected.values.dtype));
      expect(found.values).toEqual(valuesOf(expected.values));
    }
  });
});

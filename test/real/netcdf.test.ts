import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAssembly } from '../../src/data/assembly.js';
import { openNetcdf } from '../../src/formats/netcdf.js';
import type { NetcdfValues } from '../../src/formats/netcdf-content.js';
import { tolerances } from '../tolerances.js';
import { sharedData } from './shared-data.js';

/** Files of Brain-Score's own tests, read to the sums that netCDF4 gives of them in float64. */
const folder = sharedData('brainscore-netcdf');

const sum = (values: NetcdfValues) =>
  Array.from(values as ArrayLike<number | bigint>, Number).reduce(
    (total, value) => total + value,
    0,
  );

/** The sum of `values`, within rounding of the order of addition. */
const expectSum = (values: NetcdfValues, expected: number) =>
  expect(Math.abs(sum(values) / expected - 1)).toBeLessThanOrEqual(tolerances.float64);

describe.skipIf(folder === undefined)('the netCDF files of Brain-Score', () => {
  it('alexnet-probabilities.nc', async () => {
    const path = join(folder ?? '', 'alexnet-probabilities.nc');
    const file = await openNetcdf(path);
    const variable = file.variable('__xarray_dataarray_variable__');
    expect([variable.dims, variable.shape, variable.dtype]).toEqual([
      ['presentation', 'choice'],
      [240, 24],
      'float32',
    ]);
    expect([variable.filters.zlib, variable.chunks]).toEqual([false, null]);
    expectSum(await file.read(variable.name), 239.9999995627372);
    await file.close();
    const assembly = await readAssembly(path);
    const choices = assembly.coords.get('choice')?.values;
    expect([choices?.[0], choices?.at(-1)]).toEqual(['interior_details_130_2', 'zebra']);
    expect([...assembly.coords.keys()]).toEqual(['stimulus_path', 'image_id', 'choice']);
  });

  it('alexnet-rgb-1000.nc', async () => {
    const assembly = await readAssembly(join(folder ?? '', 'alexnet-rgb-1000.nc'));
    expect([assembly.dims, assembly.shape, assembly.dtype]).toEqual([
      ['stimulus_path', 'neuroid'],
      [1, 2000],
      'float32',
    ]);
    expectSum(assembly.values as Float32Array, 53.99090804159641);
    expect(assembly.coords.get('neuroid_id')?.dtype).toBe('int64');
    expectSum(Float64Array.from(assembly.coords.get('neuroid_id')?.values ?? [], Number), 1999000);
    const layers = assembly.coords.get('layer')?.values;
    expect([layers?.[0], layers?.at(-1)]).toEqual(['features.12', 'classifier.5']);
  });

  it('assy_test_TestMe.nc', async () => {
    const file = await openNetcdf(join(folder ?? '', 'assy_test_TestMe.nc'));
    const data = file.root.variables.find(({ dims }) => dims.length === 2);
    expect([data?.dims, data?.shape, data?.dtype]).toEqual([
      ['presentation', 'neuroid'],
      [6, 3],
      'int64',
    ]);
    expect(data?.filters.zlib).toBe(true);
    expectSum(await file.read(data?.name ?? ''), 171);
    expectSum(await file.read('repetition'), 7);
    expectSum(await file.read('foo'), 8);
    await file.close();
  });

  it('assy_test_package_assembly_extras.nc, with its group', async () => {
    const file = await openNetcdf(join(folder ?? '', 'assy_test_package_assembly_extras.nc'));
    expect([file.variable('data').dims, file.variable('data').shape]).toEqual([['event'], [1000]]);
    expectSum(await file.read('data'), 10600962.367036382);
    expect(file.root.groups.map(({ name }) => name)).toEqual(['test']);
    expectSum(await file.read('test/stim_on_time_ms'), 4000);
    expectSum(await file.read('test/fixation_correct'), 39);
    const sampled = (await file.read('test/samp_on_us')) as Float64Array;
    expectSum(
      sampled.filter((value) => !Number.isNaN(value)),
      415753689.2037699,
    );
    const eye = (await file.read('test/eye_h_degrees')) as string[];
    expect(eye).toHaveLength(40);
    expect(eye[0].length).toBeGreaterThan(1000);
    await file.close();
  });
});

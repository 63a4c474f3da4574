import type { Converter } from './converter.js';
import { hvmIds } from './cowley2023.js';
import { recordedAssembly } from './made-assemblies.js';
import { hdf5Array } from './source-arrays.js';

/**
 * The demonstration of how IT predictivity is estimated, by K. Kar: normalised rates of one site of macaque IT on 640
 * images of objects. The source has no images and does not say their order; that of HvM640 fits.
 */
export const karDemo: Converter = async (sources, outputs) => {
  const [file] = sources.files;
  const { shape, data } = await hdf5Array(sources.path(file), 'rates', 2);
  const [images, repetitions] = shape;
  await outputs.assembly(
    { identifier: 'KarDemo', kind: 'recordings', role: 'nc' },
    recordedAssembly({
      stimulusIds: hvmIds(images),
      repetitions,
      neuroids: [{ id: 'site1', region: 'IT', animal: 'unnamed' }],
      value: (stimulus, repetition) => data[stimulus * repetitions + repetition],
    }),
  );
};

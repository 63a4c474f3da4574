import type { Converter } from './converter.js';
import { recordedAssembly } from './made-assemblies.js';
import { npyArray, odd } from './source-arrays.js';

/**
 * Cowley et al. 2023, session 210325: spikes of macaque V4 in 100 ms to 640 images of objects (HvM). The source
 * numbers the images and says nothing of what they show: eight blocks of 80, each of one object, as one sees.
 */
const OBJECTS = ['bear', 'elephant', 'face', 'car', 'dog', 'apple', 'chair', 'plane'];
const SESSION = '210325';

/** `image0001` to `image0640`, as KarDemo has them too. */
export const hvmIds = (images: number): string[] =>
  Array.from({ length: images }, (_, i) => `image${String(i + 1).padStart(4, '0')}`);

export const cowley2023: Converter = async (sources, outputs) => {
  const file = (end: string) => sources.files.find((one) => one.endsWith(end)) as string;
  const path = sources.path(file(`responses_${SESSION}.npy`));
  const { shape, data } = await npyArray(path, 3);
  const [units, images, times] = shape;
  if (images % OBJECTS.length !== 0) odd(path, 'equally many images of 8 objects', `${images}`);
  const ids = hvmIds(images);
  const stimuli = { identifier: 'HvM640', kind: 'stimuli' } as const;
  await outputs.table(
    { ...stimuli, role: 'csv' },
    ['stimulus_id', 'filename', 'object_name'],
    ids.map((id, i) => [id, `${id}.jpg`, OBJECTS[Math.floor((i * OBJECTS.length) / images)]]),
  );
  await outputs.copy({ ...stimuli, role: 'images' }, sources.path(file(`images_${SESSION}.zip`)));
  const at = (stimulus: number, repetition: number, unit: number) =>
    data[(unit * images + stimulus) * times + repetition];
  // The source fills rows with NaN behind the last repetition of an image: those that every image has are taken.
  const complete = (repetition: number) =>
    ids.every((_, stimulus) =>
      Array.from({ length: units }).every(
        (_, unit) => !Number.isNaN(at(stimulus, repetition, unit)),
      ),
    );
  const repetitions = Array.from({ length: times }, (_, i) => i).filter(complete).length;
  if (repetitions === 0) odd(path, 'a repetition that every image has', 'none');
  await outputs.assembly(
    { identifier: 'Cowley2023', kind: 'recordings', role: 'nc' },
    recordedAssembly({
      stimulusIds: ids,
      repetitions,
      neuroids: Array.from({ length: units }, (_, i) => ({
        id: `PE-${SESSION}-${String(i).padStart(2, '0')}`,
        region: 'V4' as const,
        animal: 'PE',
      })),
      value: at,
    }),
  );
};

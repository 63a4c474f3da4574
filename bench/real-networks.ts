import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A trained network made by others, and the card that says how images go into it. */
export interface RealNetwork {
  readonly name: string;
  /** Folder of the shared data, and the file in it. */
  readonly data: string;
  readonly file: string;
  readonly card: Readonly<Record<string, unknown>>;
}

/** A card for images of a side, resized as PIL does it. */
const card = (size: number, range: 1 | 255, mean: number[], std: number[]) => ({
  input: {
    resize: { to: size, mode: 'square', filter: 'bilinear', library: 'pillow' },
    range,
    mean,
    std,
    layout: 'NCHW',
  },
  visual_degrees: 8,
});

const compact = card(112, 255, [0, 0, 0], [1, 1, 1]);
const cifar = card(32, 1, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

const network = (data: string, name: string, its: RealNetwork['card']): RealNetwork => ({
  name,
  data,
  file: `${name}.onnx`,
  card: its,
});

/** The networks that are mapped against macaque V4; cards as the READMEs beside the files say. */
export const realNetworks: readonly RealNetwork[] = [
  network('v4-hvm640', 'v4_shared_compact_5', compact),
  network('v4-hvm640', 'v4_shared_compact_200', compact),
  network('resnet20-cifar10', 'resnet20_cifar10', cifar),
];

/**
 * Writes the benchmark of macaque V4 (50 neurons, 640 images; PLS with 25 components, 10 splits) into a folder.
 * Gives the path of its YAML.
 * @param data the folder `v4-hvm640` of the shared data
 */
export function writeV4Benchmark(folder: string, data: string): string {
  const path = join(folder, 'v4-hvm640.yaml');
  writeFileSync(
    path,
    `identifier: v4-hvm640.{region}-pls
version: 1
regions: [V4]
visual_degrees: 8
stimuli: { csv: ${data}/stimuli.csv, images: ${data}/images_210325.zip }
recordings: ${data}/recordings.csv
metric: { name: pls, components: 25 }
cross_validation: { splits: 10, train_size: 0.9, seed: 1, stratify_on: object_name }
`,
  );
  return path;
}

/** The committed map of a network, `bench/results/map_v4-hvm640_<network>.json` under the package's root. */
export const mapFile = (name: string): string =>
  join('bench', 'results', `map_v4-hvm640_${name}.json`);

import type { Architecture, ModulePair, Naming } from './architecture.js';

/** Blocks of each stage of EfficientNet-B1. */
const REPEATS = [2, 3, 3, 4, 4, 5, 2];

interface Place {
  readonly stage: number;
  readonly index: number;
  /** Running number over all stages. */
  readonly number: number;
}

function everyBlock(pairs: (place: Place) => readonly ModulePair[]): ModulePair[] {
  let number = 0;
  return REPEATS.flatMap((repeats, stage) =>
    Array.from({ length: repeats }, (_, index) => pairs({ stage, index, number: number++ })).flat(),
  );
}

/** In the first stage nothing is expanded, and timm's names of a block's parts are others. */
const partsOf = ({ stage, index }: Place) => {
  const path = `blocks.${stage}.${index}`;
  return stage === 0
    ? { path, expands: false, depth: ['conv_dw', 'bn1', 'act1'], project: ['conv_pw', 'bn2'] }
    : { path, expands: true, depth: ['conv_dw', 'bn2', 'act2'], project: ['conv_pwl', 'bn3'] };
};

function torchvisionBlock(place: Place): ModulePair[] {
  const { path, expands, depth, project } = partsOf(place);
  const theirs = `features.${place.stage + 1}.${place.index}`;
  let part = 0;
  const triple = (names: readonly string[]): ModulePair[] => {
    const at = `${theirs}.block.${part++}`;
    const last: ModulePair = [`${path}.${names[names.length - 1]}`, at];
    return [...names.map((name, i): ModulePair => [`${path}.${name}`, `${at}.${i}`]), last];
  };
  const expansion = expands ? triple(['conv_pw', 'bn1', 'act1']) : [];
  const depthwise = triple(depth);
  const gate = `${theirs}.block.${part++}`;
  const squeeze: ModulePair[] = [
    [`${path}.se`, gate],
    [`${path}.se.conv_reduce`, `${gate}.fc1`],
    [`${path}.se.act1`, `${gate}.activation`],
    [`${path}.se.conv_expand`, `${gate}.fc2`],
    [`${path}.se.gate`, `${gate}.scale_activation`],
  ];
  const projection = triple(project);
  const whole: ModulePair[] = [
    [path, theirs],
    [`${path}.${project[1]}`, `${theirs}.block`],
  ];
  return [...expansion, ...depthwise, ...squeeze, ...projection, ...whole];
}

const torchvision: readonly ModulePair[] = [
  ['conv_stem', 'features.0.0'],
  ['bn1', 'features.0.1'],
  ['act1', 'features.0.2'],
  ...REPEATS.map((_, stage): ModulePair => [`blocks.${stage}`, `features.${stage + 1}`]),
  ...everyBlock(torchvisionBlock),
  ['conv_head', 'features.8.0'],
  ['bn2', 'features.8.1'],
  ['act2', 'features.8.2'],
  ['global_pool.pool', 'avgpool'],
  ['classifier', 'classifier.1'],
  ['act1', 'features.0'],
  ['act2', 'features.8'],
];

function lukemelasBlock(place: Place): ModulePair[] {
  const { path, expands, depth, project } = partsOf(place);
  const theirs = `_blocks.${place.number}`;
  return [
    [path, theirs],
    ...(expands
      ? ([
          [`${path}.conv_pw`, `${theirs}._expand_conv`],
          [`${path}.bn1`, `${theirs}._bn0`],
        ] as const)
      : []),
    [`${path}.${depth[0]}`, `${theirs}._depthwise_conv`],
    [`${path}.${depth[1]}`, `${theirs}._bn1`],
    [`${path}.se.conv_reduce`, `${theirs}._se_reduce`],
    [`${path}.se.conv_expand`, `${theirs}._se_expand`],
    [`${path}.${project[0]}`, `${theirs}._project_conv`],
    [`${path}.${project[1]}`, `${theirs}._bn2`],
  ];
}

const lukemelas: readonly ModulePair[] = [
  ['conv_stem', '_conv_stem'],
  ['bn1', '_bn0'],
  ...everyBlock(lukemelasBlock),
  ['conv_head', '_conv_head'],
  ['bn2', '_bn1'],
  ['global_pool.pool', '_avg_pooling'],
  ['classifier', '_fc'],
];

/** The activation after each of timm's batch norms that has one. */
const activations = new Map<string, string>([
  ['bn1', 'act1'],
  ['bn2', 'act2'],
  ...everyBlock((place) => {
    const { path, expands, depth } = partsOf(place);
    const own: ModulePair = [`${path}.${depth[1]}`, `${path}.${depth[2]}`];
    return expands ? [[`${path}.bn1`, `${path}.act1`], own] : [own];
  }),
]);

/**
 * From timm 0.6 on a batch norm holds its activation (`bn1.act`) and gives what that gives; what it normalised
 * is `bn1.drop`, which drops nothing.
 */
function recordedByTimm(module: string, all: ReadonlySet<string>): string {
  const [, norm, inner] = /^(.*bn\d)(\.act|\.drop)?$/.exec(module) ?? [];
  if (norm === undefined || !all.has(`${norm}.act`) || inner === '.drop') return norm ?? module;
  return activations.get(norm) ?? norm;
}

const namings = {
  timm: {
    library: 'timm',
    recorded: recordedByTimm,
    variant: 'tensorflow',
    assumed:
      'timm gives tf_efficientnet_b1 and efficientnet_b1 the same names: TensorFlow’s padding and epsilon were taken, as in tf_efficientnet_b1(_ns); say --arch pytorch-efficientnet-b1 for the other, or prove either with --reference',
  },
  torchvision: { library: 'torchvision', variant: 'pytorch', modules: torchvision },
  lukemelas: {
    library: 'lukemelas',
    variant: 'tensorflow',
    modules: lukemelas,
    assumed:
      'lukemelas’ package always pads for images of 240 pixels; this graph pads by the image side: equal at 240 and at sides of the same parity',
  },
} as const satisfies Record<string, Naming>;

const asSaid = (naming: Naming, variant: string): Naming => {
  const { assumed: _, ...rest } = naming;
  return { ...rest, variant };
};

const base = { shipped: 'efficientnet-b1', side: 240 };

/**
 * EfficientNet-B1 by the names of timm, torchvision and lukemelas; the names determine the variant.
 */
export const efficientnetB1: Architecture = { ...base, namings: Object.values(namings) };

/** The same where the user says that padding and epsilon are TensorFlow's. */
export const tfEfficientnetB1: Architecture = {
  ...base,
  namings: Object.values(namings).map((naming) => asSaid(naming, 'tensorflow')),
};

/** The same where the user says that padding and epsilon are PyTorch's. */
export const pytorchEfficientnetB1: Architecture = {
  ...base,
  namings: Object.values(namings).map((naming) => asSaid(naming, 'pytorch')),
};

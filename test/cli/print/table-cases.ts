import { printPilots } from '../../../src/cli/cluster/slurm.js';
import {
  printBenchmarks,
  printExperiments,
  printSelfChecks,
} from '../../../src/cli/commands/benchmarks.js';
import { printKinds } from '../../../src/cli/commands/cache.js';
import { printFindings } from '../../../src/cli/commands/check-package.js';
import { printChecked, printData } from '../../../src/cli/commands/data.js';
import { printDiagnosis } from '../../../src/cli/commands/doctor.js';
import { printDamage } from '../../../src/cli/commands/fsck.js';
import { printKeyList } from '../../../src/cli/commands/keys.js';
import { printModels } from '../../../src/cli/commands/models.js';
import { printLayerTable } from '../../../src/cli/commands/networks.js';
import { printReport } from '../../../src/cli/commands/verify.js';
import { printAblation } from '../../../src/cli/print/print-ablation.js';
import { printComparison, printSeries } from '../../../src/cli/print/print-comparison.js';
import { printImport, printKeys } from '../../../src/cli/print/print-import.js';
import {
  printCorrelations,
  printLeaderboard,
  printRankHistory,
} from '../../../src/cli/print/print-leaderboard.js';
import { printMap } from '../../../src/cli/print/print-map.js';
import { printRobustness } from '../../../src/cli/print/print-robustness.js';
import { printScores } from '../../../src/cli/print/print-scores.js';
import type { Io } from '../../../src/cli/terminal/io.js';
import type { CatalogEntry } from '../../../src/data/catalog.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { tablesOf } from '../../../src/training/ablation/tables.js';
import { figure } from '../../../src/training/robustness/robustness.js';
import { parsed, smallAblation } from '../../training/ablation/small-ablation.js';
import { madeComparison, madeRow } from '../made-comparison.js';
import { madeMap } from '../made-map.js';

/** A table of the command line, of rows that never change. */
export interface TableCase {
  readonly name: string;
  print(io: Io): unknown;
  /** Names that a pipe gets whole. */
  readonly whole: readonly string[];
}

const table = (name: string, print: TableCase['print'], ...whole: string[]): TableCase => ({
  name,
  print,
  whole,
});

const map = madeMap({ holdout: true });
const short = {
  ...map,
  layers: map.layers.filter((_, i) => i < 6 || i === 18 || i === 40),
} as typeof map;
const nested = Object.fromEntries(
  map.benchmarks.map((id, i) => {
    if (i === 1) return [id, { reason: 'no nested choice: it compares all stimuli at once' }];
    const { value, error, ci, raw, ceiling } = map.layers[18].cells[id] as Score;
    const splits = short.layers.slice(2, 4).flatMap(({ layer }, k) => Array(4 + k).fill(layer));
    const layers = short.layers.slice(2, 4).map(({ layer }, k) => ({ layer, splits: 4 + k }));
    return [id, { value, error, ci, raw, ceiling, splits, layers: layers.reverse() }];
  }),
);
const scores = map.benchmarks.map((id) => map.layers[18].cells[id] as Score);
const longLayer = 'features.denseblock4.denselayer16.conv2.activation.relu.output';
const longFile = 'runs/2026-11/resnet50-adversarial-linf-8-255/checkpoint-epoch-0090.onnx';

const metadata = {
  parameters: 25_557_032,
  family: 'resnet',
  trainingData: null,
  date: null,
  licence: null,
};
const board = {
  columns: [
    { id: 'average', kind: 'average', parent: null, benchmarks: 2 },
    { id: 'V1', kind: 'average', parent: 'average', benchmarks: 1 },
    { id: 'bmk_1', kind: 'benchmark', parent: null, title: 'lab.V4' },
  ],
  items: [
    {
      ...{
        rank: 1,
        name: longFile,
        weights: 'trained',
        metadata,
        scores: { bmk_1: { value: 0.25 } },
      },
      averages: { average: { value: 0.5 }, V1: { value: null } },
    },
  ],
  ...{ models: 1, total: 3 },
};

const checkpoint = {
  ...{ total: 30, loaded: 29, unexpected: ['module.head.weight', 'module.head.bias'] },
  ...{ missing: ['features.denseblock1.denselayer1.conv1.weight'], ignored: [] },
  misshapen: [{ key: 'fc.weight', expected: [10, 512], found: [1000, 512] }],
};
const digest = `sha256:${'5f'.repeat(32)}`;
const imported = {
  ...{ file: 'runs/resnet50-epoch-90.onnx', digest },
  source: { file: 'epoch-90.pth', format: 'pytorch', path: 'state_dict' },
  onto: { architecture: 'resnet50', names: 'torchvision' },
  ...{ keys: { ...checkpoint, missing: [], misshapen: [] }, proved: false, notes: [] },
  unproved: 'no reference outputs were given (--reference)',
};
const attack = {
  ...{ name: 'objects-resnet', model: digest, clean: figure(47, 50) },
  data: { digest: 'sha256:0', examples: 50, seed: 1 },
  threats: [
    {
      ...{ norm: 'Linf' as const, epsilon: 8 / 255, worst: figure(11, 50) },
      attacks: [
        { attack: 'fgsm' as const, title: 'FGSM', ...figure(20, 50) },
        { attack: 'pgd-20' as const, title: 'PGD-20', ...figure(12, 50) },
      ],
    },
  ],
  checks: [{ name: 'one step is not stronger than many', passed: true, found: '0.40 > 0.24' }],
  maskingSuspected: false,
};
const series = {
  ...{ checkpoints: [], benchmarks: ['lab.V4-pls'] },
  fixed: { from: 'epoch-090.onnx', layers: { 'lab.V4-pls': 'layer3' } },
  rows: [
    madeRow('runs/resnet50/epoch-001.onnx', { epoch: 1 }),
    madeRow('runs/resnet50/epoch-090.onnx', {
      ...{ epoch: 90, benchmark: 'MajajHong2015public.IT-pls', simulated: true },
      ...{ value: null, raw: null, ci: null, reason: 'the file is not an ONNX model' },
    }),
  ],
};

const I2N = 'Rajalingham2018public-i2n';
const V1 = 'Simulated.V1-pls';
const arms = [
  { id: 'base', title: 'the base', table: undefined },
  { id: 'augmix', title: 'AugMix in place of CutMixPatch', table: 'behaviour' as const },
  { id: 'l2', title: 'L2, epsilon 0.25', table: 'adversarial' as const },
];
const ablation = {
  ...{ seeds: [1, 2, 3], direction: 'leave-one-out' as const },
  tables: tablesOf(
    parsed(
      smallAblation({
        seeds: [1, 2, 3],
        measures: {
          threats: [{ norm: 'Linf', epsilon: '8/255' }],
          benchmarks: { behaviour: [I2N], adversarial: [V1] },
        },
      }),
    ),
    arms,
    arms.flatMap(({ id }, arm) =>
      [1, 2, 3].map((seed) => ({
        ...{ family: 'net', arm: id, seed, missing: new Map() },
        measures: new Map(
          ['accuracy', 'pgd-20 Linf 0.0314', I2N, V1].map((measure, k) => [
            measure,
            { value: 0.4 + k / 50 + seed / 100 - arm / 20, simulated: measure === V1 },
          ]),
        ),
      })),
    ),
  ),
};

const terms =
  'No licence is stated with the files; see the paper (doi:10.1523/JNEUROSCI.5181-14.2015).';
const entry = (identifier: string, kind: string, more: object) =>
  ({ identifier, kind, access: 'public', files: [], ...more }) as unknown as CatalogEntry;
const located = (missing: number, ownBytes = false) => ({
  missing: Array.from({ length: missing }) as never[],
  ownBytes,
});
const catalog = [
  { entry: entry('MajajHong2015.temporal.public', 'recordings', { terms }), located: located(1) },
  { entry: entry('hvm-public', 'stimuli', { licence: 'CC-BY-4.0' }), located: located(0) },
  { entry: entry('FreemanZiemba2013', 'recordings', { terms }), located: located(0, true) },
];
const benchmarks = ['FreemanZiemba2013public.V1-pls', 'MajajHong2015public.IT-pls'].map(
  (id, i) => ({
    ...{ id, version: 1, region: 'V1', metric: 'pls', access: 'public' as const },
    ...{
      experiment: id,
      family: id.replace(/\.\w+-/, '.{region}-'),
      kind: 'cross-validated',
      agreements: [],
    },
    ...{ data: i > 0 ? ('simulated' as const) : ('public' as const), why: null },
    checks: ['ceiling', 'self-regression', 'AlexNet'],
    ...{ simulated: i > 0, verified: false, ready: i > 0 },
    ...{ caution: null, licences: ['none stated'] },
    title: 'Textures and spectrally matched noise, public half of the recordings',
  }),
);
const selfChecks = [
  {
    ...{ benchmark: 'MajajHong2015public.IT-pls', verified: false },
    findings: [
      { check: 'ceiling', measured: 0.8232109876, published: 0.8233, tolerance: 0.001 },
      {
        ...{ check: 'self-regression', measured: 0.5, published: 0.92, tolerance: 0.01 },
        advisory: 'made with an old Pillow',
      },
    ],
    notRun: [{ check: 'grey at 8°', why: 'the images are not here' }],
  },
];
const key = {
  ...{ id: 'key_0123456789abcdef', name: 'ada', role: 'member' as const, owner: 'lab' },
  ...{ groups: ['v1', 'v4'], createdAt: '2026-01-01T00:00:00.000Z', lastUsedAt: null },
  ...{ expiresAt: '2999-01-01T00:00:00.000Z', revokedAt: null },
};
const layers = [
  { name: 'conv1', shape: [64, 112, 112], units: 802816, operator: 'Conv', value: '/conv1/Conv' },
  { name: longLayer, shape: null, units: null, operator: 'Relu', value: '/features/Relu_94' },
  { name: 'fc', shape: [1000], units: 1000, operator: 'Gemm', value: 'logits' },
];
const receipt = {
  ...{ receipt: 'r.json', verdict: 'differs' as const, results: 1, largest: null, runtime: [] },
  inputs: [
    { about: 'net.onnx', field: 'card.input.crop', expected: 48, found: 47 },
    { about: 'MajajHong2015public.IT-pls', field: 'recordings', expected: digest, found: 'other' },
  ],
  ...{ values: [], notes: [] },
};
const damage = {
  ...{ ok: false, checked: { model: 3 } },
  findings: [
    {
      ...{
        kind: 'model',
        name: digest,
        state: 'damaged',
        action: 'none',
        jobs: ['job_1', 'job_2'],
      },
      detail: 'the file has other bytes than its digest says',
    },
  ],
};
const packageFindings = [
  {
    ...{ rule: 'zip-symlink', level: 'error', where: `models/${longLayer}/__init__.py` },
    message: 'a link that leads out of the archive',
    source: 'brainscore_core/submission/utils.py',
  },
];
const doctor = [
  {
    ...{ state: 'ok' as const, check: 'runtime' },
    detail: 'ONNX Runtime 1.30.0 computes as it should, on 2 threads of the CPU of this host',
  },
  { state: 'warning' as const, check: 'memory', detail: '3 GiB, fewer than --max-memory twice' },
];

const moved = { of: 12, value: 0.512345678, entered: null, left: null };
const ranks = {
  points: [
    {
      ...{ ...moved, date: '2026-03-30', rank: 3, start: 3, entered: 'own-score', reasons: [] },
    },
    {
      ...{ ...moved, date: '2026-03-31', rank: 4, start: 3 },
      reasons: [
        {
          ...{ kind: 'new-model', change: 2, events: 7, benchmarks: [] },
          models: [{ name: longFile }, { name: 'b' }],
        },
        { kind: 'new-version', change: -1, events: 1, models: [], benchmarks: [V1] },
      ],
    },
    {
      ...{
        ...moved,
        date: '2026-04-02',
        rank: null,
        value: null,
        left: 'model-removed',
        start: null,
      },
      reasons: [],
    },
  ],
};
const correlations = {
  pairs: [
    {
      ...{ benchmarks: [I2N, V1], n: 40, pearson: { value: 0.512345678, ci: [0.2, 0.7] } },
      spearman: { value: -0.1, ci: [-0.4, 0.2] },
    },
    { benchmarks: [I2N, 'lab.V4-pls'], n: 3, pearson: null, spearman: null },
  ],
};

/** Every table, by the file of `src/cli` that prints it; one for each table in the file, or more. */
export const tableCases: Readonly<Record<string, readonly TableCase[]>> = {
  'print/print-scores.ts': [
    table('scores of one model', (io) =>
      printScores({ scores, failures: [] }, { verbose: false }, io),
    ),
    table('scores of a network whose weights are random', (io) => {
      const weights = new Map([[scores[0].model ?? '', 'random' as const]]);
      printScores({ scores, failures: [], weights }, { verbose: false }, io);
    }),
    table(
      'scores of a long layer in a long file',
      (io) => {
        const long = scores.map((each) => ({ ...each, name: longFile, layer: longLayer }));
        printScores({ scores: long, failures: [] }, { verbose: false }, io);
      },
      ...[longFile, longLayer],
    ),
  ],
  'print/print-map.ts': [
    table('a layer map', (io) => printMap(short, io)),
    table(
      'a layer map with a long layer',
      (io) => {
        const rows = short.layers.map((row, i) => (i === 0 ? { ...row, layer: longLayer } : row));
        printMap({ ...short, layers: rows }, io);
      },
      longLayer,
    ),
    table('a layer map without a held-out half', (io) => printMap(madeMap({}), io)),
    table('a nested layer map', (io) =>
      printMap({ ...short, holdout: undefined, nested } as never, io),
    ),
  ],
  'print/print-comparison.ts': [
    table('a comparison', (io) => printComparison(madeComparison, io)),
    table('a series', (io) => printSeries(series, io)),
    table(
      'a series of long names',
      (io) => printSeries({ ...series, rows: [madeRow(longFile, { layer: longLayer })] }, io),
      ...[longFile, longLayer],
    ),
  ],
  'print/print-leaderboard.ts': [
    table(
      'a leaderboard',
      (io) => printLeaderboard(board as never, ['family', 'parameters'], io),
      longFile,
    ),
    table('a rank over time', (io) => printRankHistory(ranks as never, io), '2026-03-31'),
    table('correlations', (io) => printCorrelations(correlations as never, io), I2N, V1),
  ],
  'print/print-robustness.ts': [
    table('an attack', (io) => printRobustness(attack as never, 'table', io)),
    table('an attack with failed checks', (io) => {
      const checks = [{ ...attack.checks[0], passed: false }];
      printRobustness({ ...attack, checks, maskingSuspected: true } as never, 'table', io);
    }),
  ],
  'print/print-import.ts': [
    table('an import', (io) => printImport(imported as never, { json: false }, io), digest),
    table(
      'keys that do not fit',
      (io) => printKeys(checkpoint, { json: false }, io),
      checkpoint.missing[0],
    ),
  ],
  'print/print-ablation.ts': [
    table('an ablation', (io) => printAblation(ablation as never, io), I2N, V1),
    table('an ablation that adds', (io) =>
      printAblation({ ...ablation, direction: 'add-one' } as never, io),
    ),
  ],
  'commands/models.ts': [
    table(
      'models list',
      (io) =>
        printModels(
          {
            registered: [{ name: longFile, weights: null, id: 'mdl_0123456789abcdef', digest }],
            shipped: ['gabor-v1', 'pixels'],
            weights: new Map([['pixels', 'control']]),
            models: [{ name: 'squeezenet-1.1', sha1: digest.slice(7, 47) }],
          },
          io,
        ),
      ...[longFile, digest],
    ),
  ],
  'commands/networks.ts': [
    table('layers', (io) => printLayerTable(layers as never, io), longLayer),
  ],
  'commands/doctor.ts': [table('doctor', (io) => printDiagnosis(doctor, io), doctor[0].detail)],
  'commands/keys.ts': [
    table('keys list', (io) =>
      printKeyList(
        [key, { ...key, id: 'key_f', revokedAt: '2026-02-01T00:00:00.000Z' }] as never,
        io,
      ),
    ),
  ],
  'cluster/slurm.ts': [
    table('slurm status', (io) =>
      printPilots(
        [
          {
            ...{ id: '1204_1', state: 'RUNNING', node: 'gpu-node-07' },
            ...{ elapsed: '1:04:10', left: '2:55:50', reason: 'None' },
          },
          {
            ...{ id: '1204_2', state: 'PENDING', node: '', elapsed: '0:00', left: '4:00:00' },
            reason: 'ReqNodeNotAvail, UnavailableNodes:gpu-node-08',
          },
        ],
        io,
      ),
    ),
  ],
  'commands/verify.ts': [table('verify', (io) => printReport(receipt as never, io), digest)],
  'commands/benchmarks.ts': [
    table(
      'benchmarks list',
      (io) => printBenchmarks(benchmarks, io),
      ...[benchmarks[0].id, benchmarks[0].title],
    ),
    table('families', (io) => printExperiments(benchmarks, io), 'FreemanZiemba2013public.V1-pls'),
    table('benchmarks verify', (io) => printSelfChecks(selfChecks, io), '0.8232109876'),
  ],
  'commands/fsck.ts': [table('fsck', (io) => printDamage(damage as never, io), digest)],
  'commands/data.ts': [
    table('data list', (io) => printData(catalog, io), terms),
    table(
      'data verify',
      (io) =>
        printChecked(
          [
            { file: 'a.nc', path: `/srv/ventral/data/${digest}/a.nc`, ok: true },
            { file: 'b.csv', path: '/srv/ventral/data/b.csv', ok: false },
          ] as never,
          io,
        ),
      `/srv/ventral/data/${digest}/a.nc`,
    ),
  ],
  'commands/check-package.ts': [
    table(
      'check-package',
      (io) => printFindings(packageFindings as never, io),
      packageFindings[0].where,
    ),
  ],
  'commands/cache.ts': [
    table('cache show', (io) => printKinds([{ kind: 'cell', entries: 51, bytes: 880333 }], io)),
  ],
};

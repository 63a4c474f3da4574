import { present } from '../../formats/present.js';
import { metrics } from '../../metrics/table/metric-table.js';
import type {
  BenchmarkDefinition,
  BootstrapChoice,
  CeilingChoice,
  DataSource,
  SplitTable,
  SubjectRecordings,
} from '../benchmark/benchmark.js';
import { kindOf } from '../kinds/benchmark-kinds.js';
import type { BenchmarkText, DataText } from './benchmark-text.js';

/** The keys of benchmarks of recordings beyond stimuli and recordings, as a definition has them. */
export function subjectKeys(
  text: BenchmarkText,
  folder: string,
  dataSource: (text: DataText, folder: string) => DataSource,
): Pick<Partial<BenchmarkDefinition>, 'keep' | 'fitPer' | 'averageOver' | 'select' | 'prepare'> & {
  readonly subjectRecordings: SubjectRecordings | undefined;
  readonly split: SplitTable | undefined;
  readonly bootstrap: BootstrapChoice | undefined;
} {
  const { recordings, split, keep, fit_per: fitPer, average_over: averageOver, error } = text;
  const files = typeof recordings === 'object' && 'files' in recordings ? recordings : undefined;
  const { centre_per: centrePer, average_equal: averageEqual } = text.prepare ?? {};
  const [selected] = Object.entries(text.select ?? {});
  return {
    ...(text.prepare ? { prepare: present({ centrePer, averageEqual }) } : {}),
    ...(selected
      ? {
          select: {
            column: selected[0],
            values: selected[1],
            regions: typeof text.region === 'object' ? text.region : {},
          },
        }
      : {}),
    ...(keep ? { keep } : {}),
    ...(fitPer === undefined ? {} : { fitPer }),
    ...(averageOver ? { averageOver } : {}),
    subjectRecordings: files && {
      per: files.per,
      files: Object.entries(files.files).map(([name, file]) => ({
        name,
        source: dataSource(file, folder),
      })),
    },
    split: split && {
      table: dataSource(split.table, folder),
      columns: split.columns ?? [split.column as string],
      folds: split.columns !== undefined,
      where: split.where ?? {},
      both: split.use === 'both',
    },
    bootstrap: error && { draws: error.bootstrap, seed: error.seed ?? 0 },
  };
}

/** The ceiling that a file asks for, or that its metric has by default. */
export function ceiling(text: BenchmarkText): CeilingChoice {
  const { ceiling: given, metric, rdms } = text;
  if (typeof given === 'number') return { name: 'fixed', value: given };
  if (typeof given === 'object' && 'neuroid' in given) {
    const { neuroid: column, ...how } = given;
    return { name: 'neuroid', column, ...how };
  }
  const { kind, ...definition } = metrics[metric.name];
  const asked = typeof given === 'object' ? given : { name: given };
  const { name } = asked;
  if (name === 'none' || kind === 'factors' || kind === 'triplets') return { name: 'none' };
  if (metric.pooled || metric.name === 'confusion') return { name: 'none' };
  if (kind !== 'neural' && kindOf(text).compares !== 'recordings') return { name: 'metric' };
  if (name === 'nili-upper' || name === 'leave-one-out' || name === 'between-subjects')
    return typeof given === 'object' && given.per !== undefined
      ? { name, per: given.per }
      : { name };
  if (rdms !== undefined && metric.per !== undefined && name === undefined)
    return { name: 'nili-upper' };
  // The reliability of single neuroids is no bound on how alike populations are.
  if (definition.normalisation === 'ratio') return { name: 'none' };
  const own = metric.name === 'reverse-pls' ? 'predictor-consistency' : 'internal-consistency';
  const { splits = 10, seed = own === 'predictor-consistency' ? 0 : 1 } =
    typeof given === 'object' ? given : {};
  return { name: own, splits, seed, byDefault: given === undefined };
}

import { stringify } from 'yaml';
import { parseLimitedYaml } from '../formats/yaml/limited-yaml.js';

/** Keys that Brain-Score's metadata may have (spec §8.2), in the order that they are written in. */
const MODEL_KEYS = [
  'architecture',
  'model_family',
  'total_parameter_count',
  'trainable_parameter_count',
  'total_layers',
  'trainable_layers',
  'model_size_mb',
  'training_dataset',
  'task_specialization',
  'brainscore_link',
  'huggingface_link',
  'extra_notes',
  'runnable',
] as const;
const BENCHMARK_KEYS: Readonly<Record<string, readonly string[]>> = {
  stimulus_set: [
    'num_stimuli',
    'datatype',
    'stimuli_subtype',
    'total_size_mb',
    'brainscore_link',
    'extra_notes',
  ],
  data: [
    'benchmark_type',
    'task',
    'region',
    'hemisphere',
    'num_recording_sites',
    'duration_ms',
    'species',
    'datatype',
    'num_subjects',
    'pre_processing',
    'brainscore_link',
    'extra_notes',
    'data_publicly_available',
  ],
  metric: ['type', 'reference', 'public', 'brainscore_link', 'extra_notes'],
};

/** Facts about a model, for its metadata. */
export interface ModelFacts {
  readonly identifier: string;
  /** Elements of all floating-point weights. */
  readonly parameters: number;
  /** Bytes of the ONNX file. */
  readonly bytes: number;
}

const REPOSITORY = 'https://github.com/brain-score/vision/tree/master/brainscore_vision/models';

/** The text of a `metadata.yml` with every key of core's list; what only its author knows is null. */
export function metadataText({ identifier, parameters, bytes }: ModelFacts): string {
  const known: Partial<Record<(typeof MODEL_KEYS)[number], unknown>> = {
    total_parameter_count: parameters,
    model_size_mb: Math.round(bytes / 1e5) / 10,
    brainscore_link: `${REPOSITORY}/${identifier}`,
    runnable: true,
  };
  const entry = Object.fromEntries(MODEL_KEYS.map((key) => [key, known[key] ?? null]));
  return stringify({ models: { [identifier]: entry } });
}

/**
 * What core finds wrong in a `metadata.yml`, one sentence each, none if nothing is.
 * Source: brainscore_core/plugin_management/handle_metadata.py, validate_metadata_file.
 */
export function metadataFaults(text: string): string[] {
  let data: unknown;
  try {
    const document = parseLimitedYaml(text);
    if (document.errors.length > 0) return [`is not YAML: ${document.errors[0].message}`];
    data = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return [`is not YAML: ${(error as Error).message}`];
  }
  if (!isTable(data)) return ['should be a table at its top'];
  const keys = Object.keys(data);
  const unknown = keys.filter((key) => key !== 'models' && key !== 'benchmarks');
  const faults = unknown.map(
    (key) => `has the top-level key "${key}"; expected models or benchmarks`,
  );
  if (keys.length === unknown.length) faults.push('has neither models nor benchmarks at its top');
  if (data.models !== undefined) faults.push(...pluginFaults('models', data.models, modelFaults));
  if (data.benchmarks !== undefined)
    faults.push(...pluginFaults('benchmarks', data.benchmarks, benchmarkFaults));
  return faults;
}

type Table = Readonly<Record<string, unknown>>;

const isTable = (value: unknown): value is Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function pluginFaults(
  type: string,
  plugins: unknown,
  faultsOf: (metadata: Table) => string[],
): string[] {
  if (!isTable(plugins)) return [`should have a table of plugins under ${type}`];
  return Object.entries(plugins).flatMap(([name, metadata]) =>
    isTable(metadata)
      ? faultsOf(metadata).map((fault) => `${type}.${name} ${fault}`)
      : [`should have a table under ${type}.${name}`],
  );
}

const extra = (metadata: Table, allowed: readonly string[]) =>
  Object.keys(metadata).filter((key) => !allowed.includes(key));

const modelFaults = (metadata: Table): string[] =>
  extra(metadata, MODEL_KEYS).map((key) => `has the key "${key}", which is not in core's list`);

function benchmarkFaults(metadata: Table): string[] {
  return Object.entries(metadata).flatMap(([part, value]) => {
    if (!Object.hasOwn(BENCHMARK_KEYS, part)) return [`has the key "${part}"`];
    if (!isTable(value)) return [`should have a table under ${part}`];
    return extra(value, BENCHMARK_KEYS[part]).map((key) => `has the key "${part}.${key}"`);
  });
}

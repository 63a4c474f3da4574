import { VentralError } from '../../errors/ventral-error.js';
import { type FeatureFormat, readFeatures } from './feature-file.js';

/** What a file of features holds, without its numbers. */
export interface FeatureSummary {
  readonly format: FeatureFormat;
  readonly stimuli: number;
  readonly layers: readonly { readonly name: string; readonly units: number }[];
  /** Who computed them, if `ventral activations` or a client of the service says it. */
  readonly madeBy: string | null;
}

const MOST_LAYERS = 1000;
const LONGEST_NAME = 500;

/**
 * Reads a whole file of features, as a score does.
 * @throws as {@link readFeatures}, and `npy-invalid` for too many layers or too long a name
 */
export async function summariseFeatures(
  path: string,
  format: FeatureFormat,
): Promise<FeatureSummary> {
  const { ids, layers, provenance } = await readFeatures(path, [], format);
  const long = [...layers.keys()].find((name) => name === '' || name.length > LONGEST_NAME);
  if (long !== undefined || layers.size > MOST_LAYERS) {
    const found =
      long === undefined ? `${layers.size} layers` : `a name of ${long.length} characters`;
    throw new VentralError(
      'npy-invalid',
      `${path}: expected at most ${MOST_LAYERS} layers with names of 1 to ${LONGEST_NAME} characters, found ${found}`,
      { file: path, field: 'features', found },
    );
  }
  if (ids.length === 0)
    throw new VentralError('npy-invalid', `${path}: expected stimuli, found none`, {
      file: path,
      field: 'stimulus_id',
    });
  return {
    format,
    stimuli: ids.length,
    layers: [...layers].map(([name, { cols }]) => ({ name, units: cols })),
    madeBy: provenance?.name.slice(0, LONGEST_NAME) ?? null,
  };
}

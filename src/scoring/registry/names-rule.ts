import { type DataKind, findData } from '../../data/catalog.js';
import { VentralError } from '../../errors/ventral-error.js';
import {
  type BenchmarkProblem,
  type BenchmarkText,
  type DataText,
  problem,
  type Rule,
  type StimulusText,
} from './benchmark-text.js';

/** A bare name is one of the catalog; a path says its kind by its ending. */
export const namesRule: Rule = (text) => [
  ...nameProblem('stimuli', text.stimuli, 'stimuli'),
  ...nameProblem('fitting_stimuli', text.fitting_stimuli, 'stimuli'),
  ...nameProblem('train/stimuli', text.train?.stimuli, 'stimuli'),
  ...nameProblem('train/recordings', text.train?.recordings, 'recordings'),
  ...recordingNames(text.recordings),
  ...nameProblem('trials', text.trials, 'trials'),
  ...nameProblem('rdms', text.rdms, 'rdms'),
  ...nameProblem('split/table', text.split?.table, 'splits'),
  ...nameProblem('distribution/neurons', text.distribution?.neurons, 'recordings'),
];

function recordingNames(recordings: BenchmarkText['recordings']): BenchmarkProblem[] {
  if (typeof recordings !== 'object' || !('files' in recordings))
    return nameProblem('recordings', recordings, 'recordings');
  return Object.entries(recordings.files).flatMap(([name, file]) =>
    nameProblem(`recordings/files/${name}`, file, 'recordings'),
  );
}

function nameProblem(
  key: string,
  source: StimulusText | DataText | undefined,
  kind: DataKind,
): BenchmarkProblem[] {
  if (typeof source === 'object' && 'catalog' in source)
    return nameProblem(`${key}/catalog`, source.catalog, kind);
  if (typeof source !== 'string') return [];
  const wanted =
    kind === 'stimuli'
      ? 'a catalog name or { csv, images }'
      : kind === 'rdms' || kind === 'splits'
        ? 'a catalog name or a file that ends in .csv'
        : 'a catalog name or a file that ends in .nc or .csv';
  const isFile =
    kind === 'rdms' || kind === 'splits' ? /\.csv$/i.test(source) : /\.(nc|csv)$/i.test(source);
  if (kind !== 'stimuli' && isFile && !/^\w+:\/\//.test(source)) return [];
  if (isFile || /[\\/]/.test(source)) {
    return problem(`/${key}`, `${key}: expected ${wanted}, found "${source}"`);
  }
  try {
    findData(source, kind);
    return [];
  } catch (error) {
    return problem(`/${key}`, `${key}: expected ${wanted}. ${VentralError.from(error).message}`);
  }
}

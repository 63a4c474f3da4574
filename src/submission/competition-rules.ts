import type { Findings } from './finding.js';
import { type Submission, utf8 } from './site-rules.js';

/** Models that a submission of 2022 may hold. */
const MOST_MODELS = 3;

const functions: Readonly<Record<string, readonly string[]>> = {
  'base_models.py': ['get_model_list', 'get_model', 'get_layers', 'get_bibtex'],
  'brain_models.py': ['get_model_list', 'get_model'],
};

/** Names at the top of the archive, but for those that the unpacker passes over. */
function topLevel({ entries }: Submission): string[] {
  const names = entries.map(({ name }) => name.split('/')[0]);
  return [...new Set(names)].filter((name) => !/^[._]/.test(name));
}

/** Whether an archive is of the form of 2022: `models/base_models.py` or `brain_models.py`, or `setup.py` and no plugin. */
export function isCompetition({ entries }: Submission): boolean {
  const has = (pattern: RegExp) => entries.some(({ name }) => pattern.test(name));
  if (has(/^[^/]+\/models\/(base|brain)_models\.py$/)) return true;
  return has(/^[^/]+\/setup\.py$/) && !has(/^[^/]+\/(models|benchmarks|data|metrics)\/[^/]+\//);
}

/** Rules of the competition of 2022 (spec §8.5). */
export function checkCompetition(submission: Submission, findings: Findings): void {
  const roots = topLevel(submission);
  if (roots.length !== 1)
    findings.add(
      'competition-top-level',
      '',
      `has ${roots.length} entries at its top (${roots.slice(0, 5).join(', ')}), and should have one folder`,
    );
  const names = new Set(submission.entries.map(({ name }) => name));
  const root = roots.find((name) => names.has(`${name}/setup.py`)) ?? roots[0] ?? '';
  if (!names.has(`${root}/setup.py`))
    findings.add('competition-setup', `${root}/`, 'has no setup.py');
  if (!names.has(`${root}/models/__init__.py`))
    findings.add(
      'competition-models',
      `${root}/models/`,
      'has no __init__.py and is not a package',
    );
  const present = Object.keys(functions).filter((name) => names.has(`${root}/models/${name}`));
  if (present.length === 0)
    findings.add(
      'competition-models',
      `${root}/models/`,
      'has neither base_models.py nor brain_models.py',
    );
  for (const name of present)
    checkModule(submission, `${root}/models/${name}`, functions[name], findings);
}

function checkModule(
  { texts }: Submission,
  file: string,
  wanted: readonly string[],
  findings: Findings,
): void {
  const text = utf8(texts.get(file));
  if (text === undefined) {
    findings.add('competition-functions', file, 'is not text in UTF-8, or too large');
    return;
  }
  const missing = wanted.filter((name) => !new RegExp(`^def ${name}\\s*\\(`, 'm').test(text));
  if (missing.length > 0)
    findings.add('competition-functions', file, `does not define ${missing.join(', ')}`);
  const count = listedModels(text);
  if (count > MOST_MODELS)
    findings.add(
      'competition-too-many-models',
      file,
      `lists ${count} models, the maximum is ${MOST_MODELS}`,
    );
}

/** Models in the list that `get_model_list` returns, where it is written out in one line; 0 else. */
function listedModels(text: string): number {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.startsWith('def get_model_list'));
  if (first < 0) return 0;
  const body = lines.slice(first + 1, first + 41);
  const end = body.findIndex((line) => line.startsWith('def '));
  const returned = body.slice(0, end < 0 ? undefined : end).map((line) => line.trim());
  const list = returned.find((line) => line.startsWith('return [') && line.endsWith(']'));
  return (
    list
      ?.slice(8, -1)
      .split(',')
      .filter((word) => word.trim() !== '').length ?? 0
  );
}

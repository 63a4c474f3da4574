import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';
import { readDirectory } from './archive-directory.js';
import { readEntries } from './archive-entries.js';
import { checkNames, checkNested } from './archive-rules.js';
import type { PackageFormat } from './build-package.js';
import { checkCompetition, isCompetition } from './competition-rules.js';
import { checkMetadata, checkPlugins, LARGEST_YAML } from './core-rules.js';
import { type Finding, Findings } from './finding.js';
import { checkIdentifiers, checkLayout, checkUpload, type Submission, utf8 } from './site-rules.js';

/** A rule that cannot be checked from the archive alone. */
export interface Unchecked {
  readonly message: string;
  readonly source: string;
}

/** What a package breaks, and what could not be looked at. */
export interface PackageCheck {
  /** null if the archive cannot be read. */
  readonly format: PackageFormat | null;
  readonly findings: readonly Finding[];
  readonly unchecked: readonly Unchecked[];
}

const DEADLINE_MS = 60_000;

/**
 * Checks an archive against every rule of Brain-Score's site and core that needs no execution, and for contents
 * that are unsafe in an untrusted archive. Nothing is unpacked to disk and no Python is run; every fault is a
 * finding. A `<name>.metadata.yml` beside it is checked too.
 * @throws VentralError `file-missing`
 */
export async function checkPackage(path: string): Promise<PackageCheck> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile())
    throw new VentralError(
      'file-missing',
      `${path} ${found ? 'is not a file' : 'does not exist'}`,
      { file: path },
    );
  const findings = new Findings();
  const file = await open(path, 'r');
  try {
    const format = await checkArchive(file, found.size, findings);
    await checkBeside(path, findings);
    return {
      format,
      findings: findings.all(),
      unchecked: format === null ? [] : unchecked[format],
    };
  } finally {
    await file.close();
  }
}

async function checkArchive(
  file: FileHandle,
  size: number,
  findings: Findings,
): Promise<PackageFormat | null> {
  const directory = await readDirectory(file, size, findings);
  checkUpload(size, directory?.entries ?? [], findings);
  if (directory === undefined) return null;
  checkNames(directory.entries, findings);
  const contents = await readEntries(file, directory, findings, Date.now() + DEADLINE_MS);
  checkNested(contents.heads, findings);
  const submission: Submission = { entries: directory.entries, texts: contents.texts };
  checkScores(submission, findings);
  if (isCompetition(submission)) {
    checkCompetition(submission, findings);
    return 'brainscore-2022';
  }
  const plugins = checkLayout(submission, findings);
  checkIdentifiers(submission, plugins, findings);
  checkPlugins(submission, plugins, findings);
  return 'brainscore';
}

/** Scores that ventral measured; simulated ones and selections say nothing about a brain. */
function checkScores({ texts }: Submission, findings: Findings): void {
  for (const [name, bytes] of texts) {
    if (!/\/scores\/[^/]+\.json$/.test(name)) continue;
    const text = utf8(bytes) ?? '';
    if (/"simulated":\s*true/.test(text))
      findings.add(
        'score-simulated',
        name,
        'has a simulated score, which is not evidence about a brain',
      );
    if (/"selection":\s*true/.test(text))
      findings.add(
        'score-selection',
        name,
        'has a selection score, which is not a test of a layer',
      );
  }
}

async function checkBeside(path: string, findings: Findings): Promise<void> {
  const beside = path.replace(/\.zip$/i, '.metadata.yml');
  const found = beside === path ? undefined : await stat(beside).catch(() => undefined);
  if (!found?.isFile()) return;
  const where = basename(beside);
  if (found.size > LARGEST_YAML) findings.add('file-too-large', where, `has ${found.size} bytes`);
  else checkMetadata(await readFile(beside, 'utf8'), where, findings);
}

const unchecked: Readonly<Record<PackageFormat, readonly Unchecked[]>> = {
  brainscore: [
    {
      message: 'whether the name of the plugin or its identifier is taken; only the site knows',
      source:
        'brain-score.web benchmarks/views/user.py is_submission_original_and_under_plugin_limit',
    },
    {
      message: 'whether its uploader has sent more than 5 in 24 hours',
      source: 'brain-score.web benchmarks/ratelimit.py',
    },
    {
      message: 'the generic tests of models and its own tests, which run its Python',
      source: 'vision brainscore_vision/model_helpers/generic_plugin_tests.py',
    },
  ],
  'brainscore-2022': [
    {
      message: 'whether each layer has 25 features or more, and what check_models runs',
      source: 'vision brainscore_vision/model_helpers/check_submission/check_models.py',
    },
  ],
};

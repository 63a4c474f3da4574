import { visibleName } from '../report/visible-name.js';

const SITE = 'brain-score.web benchmarks/views/user.py';
const CORE = 'core brainscore_core';
const VISION = 'vision brainscore_vision';
const SAMPLE = 'sample-model-submission';
/** Rules that neither states: what no archive from a stranger should hold. */
const OURS = 'ventral docs/packages.md';
const ZIP = 'PKWARE APPNOTE.TXT';

/** Every rule, with its source file. `error`: the package is refused or does harm. */
export const rules = {
  // archives
  'zip-invalid': ['error', `${ZIP} 4.3; ${SITE} validate_zip opens it with zipfile`],
  'zip-truncated': ['error', `${ZIP} 4.3.16`],
  'zip-data-before': ['error', OURS],
  'zip-data-after': ['error', OURS],
  'zip-hidden-data': ['warning', OURS],
  'zip-local-header': ['error', `${ZIP} 4.3.7`],
  'zip-overlap': ['error', OURS],
  'zip-bomb': ['error', OURS],
  'zip-content': ['error', `${ZIP} 4.4.7, 4.4.9`],
  'zip-encrypted': ['error', OURS],
  'zip-method': ['error', OURS],
  'zip-too-many-entries': ['error', OURS],
  'zip-duplicate': ['error', OURS],
  'zip-duplicate-case': ['warning', OURS],
  'zip-encoding': ['error', `${ZIP} appendix D`],
  'zip-name': ['error', OURS],
  'zip-name-not-ascii': ['warning', OURS],
  'path-escape': ['error', `${ZIP} 4.4.17.1`],
  'path-absolute': ['error', `${ZIP} 4.4.17.1`],
  'path-backslash': ['error', `${ZIP} 4.4.17.1`],
  'path-symlink': ['error', OURS],
  'path-special': ['error', OURS],
  'nested-archive': ['error', OURS],
  'check-deadline': ['error', OURS],
  'file-too-large': ['warning', OURS],
  // the site's upload (spec §8.3)
  'site-size': ['error', `${SITE} validate_zip`],
  'site-space': ['error', `${SITE} validate_zip`],
  'site-metadata': ['error', `${SITE} validate_zip`],
  'site-root': ['warning', `${SITE} validate_zip takes the first entry as root`],
  'site-loose-file': ['error', `${SITE} instance_has_files`],
  'site-no-plugin-folder': ['error', `${SITE} plugins_exist`],
  'site-empty-plugin': ['error', `${SITE} plugin_has_instances`],
  'site-missing-files': ['error', `${SITE} instance_has_files`],
  'site-not-utf8': ['error', `${SITE} extract_identifiers`],
  'site-hyphen': ['error', `${SITE} validate_identifiers_no_hyphens`],
  'site-too-many-identifiers': ['error', `${SITE} under_identifier_limit`],
  'site-tutorial': ['error', `${SITE} is_submission_original_and_under_plugin_limit`],
  'site-quotes': ['warning', `${SITE} extract_identifiers`],
  // core's own checks (spec §8.1, §8.2, §8.4)
  'core-plugin-name': ['error', `${CORE}/plugin_management/import_plugin.py locate_plugin`],
  'core-not-discoverable': ['error', `${CORE}/plugin_management/import_plugin.py locate_plugin`],
  'core-registered-twice': ['error', `${CORE}/plugin_management/import_plugin.py locate_plugin`],
  'core-registry-line': [
    'error',
    `${CORE}/plugin_management/parse_plugin_changes.py get_plugin_ids`,
  ],
  'core-test-file': ['error', `${CORE}/plugin_management/test_plugins.py _validate_test_files`],
  'core-environment': [
    'error',
    `${CORE}/plugin_management/test_plugins.py _validate_environment_yml`,
  ],
  'core-not-plugin-only': [
    'warning',
    `${CORE}/plugin_management/parse_plugin_changes.py separate_plugin_files`,
  ],
  'core-metadata': ['error', `${CORE}/plugin_management/handle_metadata.py validate_metadata_file`],
  'vision-map': [
    'error',
    `${VISION}/model_helpers/brain_transformation/__init__.py load_region_layer_map_json`,
  ],
  'vision-map-name': [
    'warning',
    `${VISION}/model_helpers/brain_transformation/__init__.py load_region_layer_map_json`,
  ],
  'vision-no-map': [
    'warning',
    `${VISION}/model_helpers/brain_transformation/__init__.py ModelCommitment`,
  ],
  // the competition of 2022 (spec §8.5)
  'competition-top-level': ['error', `${CORE}/submission/repository.py find_submission_directory`],
  'competition-setup': ['error', `${SAMPLE} setup.py`],
  'competition-models': ['error', `${SAMPLE} models/base_models.py, models/brain_models.py`],
  'competition-functions': ['error', `${SAMPLE} models/base_models.py, models/brain_models.py`],
  'competition-too-many-models': ['error', `${SAMPLE} README.md`],
  // only ours
  'score-simulated': ['error', OURS],
  'score-selection': ['error', OURS],
} as const satisfies Record<string, readonly ['error' | 'warning', string]>;

export type RuleName = keyof typeof rules;

/** One place where a package breaks a rule. */
export interface Finding {
  readonly rule: RuleName;
  readonly level: 'error' | 'warning';
  /** The entry; empty for the archive as a whole. */
  readonly where: string;
  readonly message: string;
  /** The source file of the rule. */
  readonly source: string;
}

/** Maximum findings per rule; a hostile archive may have thousands. */
const MOST = 20;

/** Gathers findings; names of strangers are written so that they can be shown. */
export class Findings {
  readonly #found: Finding[] = [];
  readonly #counts = new Map<RuleName, number>();

  add(rule: RuleName, where: string, message: string): void {
    const count = (this.#counts.get(rule) ?? 0) + 1;
    this.#counts.set(rule, count);
    if (count > MOST) return;
    const [level, source] = rules[rule];
    const shown = { where: visibleName(where, 300), message: visibleName(message, 600) };
    this.#found.push({ rule, level, ...shown, source });
  }

  has(rule: RuleName): boolean {
    return this.#counts.has(rule);
  }

  /** Errors before warnings, else as they were found; a rule that was broken often says so at its last. */
  all(): Finding[] {
    const more = [...this.#counts].filter(([, count]) => count > MOST);
    const rest = more.map(([rule, count]): Finding => {
      const [level, source] = rules[rule];
      return { rule, level, where: '', message: `and ${count - MOST} more of these`, source };
    });
    const all = [...this.#found, ...rest];
    return [
      ...all.filter(({ level }) => level === 'error'),
      ...all.filter(({ level }) => level !== 'error'),
    ];
  }
}

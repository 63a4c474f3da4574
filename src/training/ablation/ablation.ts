import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InputSize } from '../../activations/card/card.js';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';
import { readCheckedYaml } from '../../formats/yaml/checked-yaml.js';
import { type Recipe, recipeSchema } from '../recipe/recipe.js';

/** What each technique of a training is worth (`models/ablation.schema.json`). */
export interface Ablation {
  readonly name: string;
  readonly seeds: readonly number[];
  readonly families: readonly AblationFamily[];
  readonly data: object;
  readonly workers?: number;
  /** Stages of a recipe without any of the techniques; defaults are missing. */
  readonly plain: readonly LooseStage[];
  readonly arms: readonly Technique[];
  readonly measures: {
    readonly threats: readonly object[];
    readonly count: number;
    /** By the table that shows them. */
    readonly benchmarks: Readonly<Record<TableName, readonly string[]>>;
    readonly input?: InputSize;
  };
}

/** A network that everything is done with. */
export interface AblationFamily {
  readonly name: string;
  readonly model: string;
  readonly weights: Recipe['weights'];
}

/** Techniques against behaviour, or parameters of adversarial training against V1. */
export type TableName = 'behaviour' | 'adversarial';

/** A stage as a file has it: one key, and under it the rest. */
export type LooseStage = Readonly<Record<string, { readonly name: string }>>;

/** Techniques added to the plain stages. */
export interface Technique {
  readonly name: string;
  readonly title: string;
  readonly table: TableName;
  /** Whether the base has it: then its arm is the base without it. */
  readonly in_base: boolean;
  /** Merge patches (RFC 7396) by name of the stage. */
  readonly change?: Readonly<Record<string, object>>;
  readonly add?: readonly LooseStage[];
  readonly input?: InputSize;
}

/** The arm that all others are compared with. */
export const BASE = 'base';

const text = readFileSync(join(packageRoot, 'models', 'ablation.schema.json'), 'utf8');
const own = JSON.parse(text.replaceAll('recipe.schema.json#/', '#/'));
/** JSON Schema of an ablation, draft 2020-12: its references into the schema of recipes are resolved. */
export const ablationSchema: object = {
  ...own,
  $defs: { ...recipeSchema.$defs, ...own.$defs },
  properties: { ...own.properties, ...pick(recipeSchema.properties, ['data', 'workers']) },
};

function pick(from: Readonly<Record<string, unknown>>, names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}

/**
 * Reads an ablation.
 * @throws VentralError `recipe-invalid` with line and column
 * @param file name of the text in messages
 */
export function parseAblation(content: string, file: string): Ablation {
  const check = { file, schema: ablationSchema, code: 'recipe-invalid' } as const;
  const { value, place } = readCheckedYaml<Ablation>(content, check);
  for (const list of ['families', 'arms'] as const) {
    const names = list === 'arms' ? [BASE] : [];
    value[list].forEach(({ name }, i) => {
      if (names.includes(name))
        throw new VentralError(
          'recipe-invalid',
          `${place(`/${list}/${i}/name`)} ${list}: ${name} is taken`,
          { file, field: `/${list}/${i}/name` },
        );
      names.push(name);
    });
  }
  return {
    ...value,
    families: value.families.map((family) => ({ ...family, weights: family.weights ?? 'redrawn' })),
    arms: value.arms.map((arm) => ({
      ...arm,
      title: arm.title ?? arm.name,
      in_base: arm.in_base ?? true,
    })),
    measures: { ...value.measures, count: value.measures.count ?? COUNT },
  };
}

const COUNT = 500;

import { VentralError } from '../../errors/ventral-error.js';
import { schemaProblems } from '../../formats/yaml/checked-yaml.js';
import { mixSchema, transformSchema } from '../../training/augment/transforms.js';
import { completeRecipe } from '../../training/recipe/parse-recipe.js';
import { type Recipe, recipeSchema } from '../../training/recipe/recipe.js';
import { RequestProblem } from '../http/problem.js';

/** Characters of a recipe as JSON. */
const MOST_TEXT = 2 ** 18;
const MOST_DEPTH = 24;
const MOST_PARTS = 20;

/**
 * A recipe that came as JSON, with every default. Over HTTP it names things and no places, so that images are
 * generated, and its counts are bounded.
 * @throws VentralError `recipe-invalid` with each wrong part under its JSON pointer into the request
 */
export function readRecipe(value: object): Recipe {
  if (isDeep(value, MOST_DEPTH) || JSON.stringify(value).length > MOST_TEXT) {
    const most = `at most ${MOST_TEXT} characters of JSON, nested ${MOST_DEPTH} deep`;
    throw refused([{ pointer: '', sentence: `the recipe is too large: expected ${most}` }]);
  }
  const problems = schemaProblems(value, schema);
  if (problems.length > 0) throw refused(problems);
  try {
    return completeRecipe(value, { file: 'recipe', place: () => '' });
  } catch (thrown) {
    const { code, message, details } = VentralError.from(thrown);
    if (code !== 'recipe-invalid') throw thrown;
    throw refused([{ pointer: details.field ?? '', sentence: message.trim() }]);
  }
}

function refused(
  problems: readonly { readonly pointer: string; readonly sentence: string }[],
): RequestProblem {
  const parts = problems.slice(0, MOST_PARTS).map(({ pointer, sentence }) => ({
    pointer: `/recipe${pointer}`,
    detail: sentence,
  }));
  const words = parts.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
  return new RequestProblem('recipe-invalid', words, { parts });
}

/** Without recursion: the sender controls the depth. */
function isDeep(value: object, most: number): boolean {
  const waiting: [object, number][] = [[value, 1]];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [of, depth] = next;
    if (depth > most) return true;
    for (const part of Object.values(of))
      if (typeof part === 'object' && part !== null) waiting.push([part, depth + 1]);
  }
  return false;
}

type Json = Record<string, unknown>;

/** The schema of recipes over HTTP: no paths, bounded counts, known transformations. */
function overHttp(whole: typeof recipeSchema): object {
  const defs: Record<string, Json> = whole.$defs;
  const changed = (of: Json, properties: Record<string, Json>): Json => ({
    ...of,
    properties: Object.fromEntries(
      Object.entries(of.properties as Record<string, Json>).map(([name, property]) => [
        name,
        name in properties ? { ...property, ...properties[name] } : property,
      ]),
    ),
  });
  const list = (maxItems: number) => ({ maxItems });
  const text = { type: 'string', minLength: 1, maxLength: 200 };
  const names = { maxItems: 20, items: text };
  const globs = { maxItems: 100, items: { ...text, maxLength: 500 } };
  return {
    ...changed(whole, { model: text, stages: list(64) }),
    $defs: {
      ...defs,
      count: { type: 'integer', minimum: 1, maximum: 10_000 },
      source: generated,
      train: changed(defs.train, {
        epochs: { type: 'integer', minimum: 1, maximum: 1000 },
        freeze: { anyOf: [{ const: 'first-half' }, { type: 'array', minItems: 1, ...globs }] },
        only: globs,
        augment: { maxItems: 32, items: transformSchema },
        mix: mixSchema as Json,
        best_by: text,
      }),
      adversarial: changed(defs.adversarial, { epsilon_schedule: list(1000) }),
      average: changed(defs.average, { epochs: list(1000) }),
      checkpoints: { ...defs.checkpoints, ...list(64) },
      evaluate: changed(defs.evaluate, { threats: list(16), attacks: list(16) }),
      score: changed(defs.score, { benchmarks: names }),
      compare: changed(defs.compare, { seeds: list(32), benchmarks: names, threats: list(16) }),
    },
  };
}

const generated = {
  type: 'object',
  additionalProperties: false,
  required: ['generate', 'seed', 'count', 'side'],
  properties: {
    generate: { const: 'objects-on-backgrounds' },
    seed: { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 },
    count: { type: 'integer', minimum: 1, maximum: 1_000_000 },
    side: { type: 'integer', minimum: 16, maximum: 512 },
  },
};

const schema = overHttp(recipeSchema);

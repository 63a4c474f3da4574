import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { Router } from 'express';
import { parseDocument } from 'yaml';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';
import { readRecipe } from '../work/training-request.js';

type ShippedRecipe = components['schemas']['ShippedRecipe'];

/** `/recipes`: the recipes that ship and that a training takes as they are. */
export function recipeRoutes(): Router {
  // They ship with the program, and are read once it is asked for them.
  let items: Promise<ShippedRecipe[]> | undefined;
  const router = Router();
  router.get('/recipes', async (_request, response) => {
    items ??= shippedRecipes(join(packageRoot, 'models'));
    response.json({ items: await items } satisfies components['schemas']['RecipeList']);
  });
  return router;
}

/** Every `recipe.yaml` and `*.recipe.yaml` of the models' folders, but those that need files of one's own. */
async function shippedRecipes(models: string): Promise<ShippedRecipe[]> {
  const paths = readdirSync(models, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) =>
      readdirSync(join(models, name))
        .filter((file) => /^(?:.+\.)?recipe\.yaml$/.test(file))
        .map((file) => join(models, name, file)),
    )
    .sort();
  const found: ShippedRecipe[] = [];
  for (const path of paths) {
    found.push(...[sendable(path) ?? []].flat());
    // A recipe takes milliseconds to read: others may be answered in between.
    await turn();
  }
  return found;
}

/** A recipe with names instead of relative paths; undefined if HTTP would refuse it. */
function sendable(path: string): ShippedRecipe | undefined {
  const text = readFileSync(path, 'utf8');
  const [head] = /^(?:#.*\n)*/.exec(text) as RegExpExecArray;
  const document = parseDocument(text.slice(head.length));
  const model = nameOf(document.get('model'), basename(dirname(path)));
  document.set('model', model);
  try {
    const { name } = readRecipe(document.toJS());
    return { name, model, description: wordsOf(head), yaml: document.toString({ lineWidth: 0 }) };
  } catch (error) {
    if (VentralError.from(error).code === 'recipe-invalid') return undefined;
    throw error;
  }
}

/** The name by which remote callers refer to a card beside a recipe. */
function nameOf(model: unknown, folder: string): string {
  if (model === 'untrained.yaml') return `${folder}/untrained`;
  return model === 'model.yaml' ? folder : String(model);
}

/** The first paragraph of a comment, without editor directives. */
const wordsOf = (comment: string) =>
  comment
    .split('\n')
    .map((line) => line.replace(/^# ?/, ''))
    .filter((line) => !line.startsWith('yaml-language-server'))
    .join('\n')
    .split('\n\n')[0]
    .replaceAll('\n', ' ')
    .trim();

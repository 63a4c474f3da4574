import type { Recipe } from '../recipe/recipe.js';

/** Writes a contact sheet of pictures as the first train stage shows them. */
export async function writePreview(
  _recipe: Recipe,
  _base: string,
  _output: string,
): Promise<void> {}

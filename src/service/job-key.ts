import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Digestible, digestOf } from '../formats/digest.js';
import { packageRoot } from '../formats/package-root.js';
import type { ScorableModel } from './model-desk.js';

const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
  version: string;
};

/**
 * Digest of all that an answer depends on: the version, the model's bytes and card, and what was asked
 * of them. Equal keys, equal answers, whatever the model is called.
 */
export function keyOf(model: ScorableModel, asked: Readonly<Record<string, Digestible>>): string {
  const { name: _name, ...card } = model.card;
  return digestOf({
    version,
    model: model.digest,
    card: card as unknown as Digestible,
    ...asked,
  });
}

import { VentralError } from '../../errors/ventral-error.js';
import type { LayerConfig } from './layer-config.js';

import type { Weight } from './operations.js';
import { valueText } from './refusals.js';
import { weightRoles } from './weight-roles.js';

/** The weights of a file, asked for by layer. */
export interface WeightSource {
  /** The weights of a layer by role; those that the file lacks are missing. */
  of(layer: string, roles: readonly string[]): ReadonlyMap<string, Weight>;
  /** Names, as the file has them, of weights that no layer took. */
  unused(): readonly string[];
}

/** Bookkeeping entries among the weights, which belong to no output. */
const bookkeeping = /(^|\/)(count|seed_generator_state)(:0)?$/;

/** Weights under names that end in layer and role, as Keras 2 and TensorFlow.js write them. */
export class NamedWeights implements WeightSource {
  readonly #index = new Map<string, string[]>();
  readonly #used = new Set<string>();

  readonly #file: string;
  readonly #weights: ReadonlyMap<string, Weight>;
  readonly #grouped: boolean;

  /** @param grouped whether a name starts with that of the outermost layer */
  constructor(file: string, weights: ReadonlyMap<string, Weight>, grouped: boolean) {
    this.#file = file;
    this.#weights = weights;
    this.#grouped = grouped;
    for (const name of weights.keys()) {
      const parts = partsOf(name);
      const role = parts.pop() ?? '';
      for (const key of new Set([...parts, parts.join('/')])) {
        const place = `${key}\n${role}`;
        const known = this.#index.get(place);
        if (known === undefined) this.#index.set(place, [name]);
        else known.push(name);
      }
    }
  }

  of(layer: string, roles: readonly string[]): Map<string, Weight> {
    const found = new Map<string, Weight>();
    for (const role of roles) {
      const name = this.#find(layer, role);
      const weight = name === undefined ? undefined : this.#weights.get(name);
      if (name === undefined || weight === undefined) continue;
      this.#used.add(name);
      found.set(role, weight);
    }
    return found;
  }

  unused(): string[] {
    return [...this.#weights.keys()].filter(
      (name) => !this.#used.has(name) && !bookkeeping.test(name),
    );
  }

  /** The best matching name of a layer: the more of its path it contains, the better. */
  #find(layer: string, role: string): string | undefined {
    const own = layer.split('/').at(-1) ?? '';
    const aliases = role === 'depthwise_kernel' ? [role, 'kernel'] : [role];
    const candidates = new Set(
      aliases.flatMap((alias) =>
        [own, layer].flatMap((key) => this.#index.get(`${key}\n${alias}`) ?? []),
      ),
    );
    let best: string[] = [];
    let most = 0;
    for (const name of candidates) {
      const fit = fitness(name, layer, this.#grouped);
      if (fit > most) best = [];
      if (fit > 0 && fit >= most) best.push(name);
      most = Math.max(most, fit);
    }
    if (best.length <= 1) return best[0];
    throw unmatched(this.#file, layer, `one ${role}`, best.slice(0, 3).join(', '));
  }
}

const partsOf = (name: string) => name.replace(/:\d+$/, '').split('/');

/**
 * How well a weight's name fits a layer's path: 0 not at all; the layer's own name must stand in it, the
 * nearer to the role the better, and the names of the models around count too.
 */
function fitness(name: string, layer: string, grouped: boolean): number {
  const parts = partsOf(name).slice(0, -1);
  const names = layer.split('/');
  if (grouped && parts[0] !== names[0]) return 0;
  if (parts.join('/') === layer) return 1000;
  const at = parts.lastIndexOf(names[names.length - 1]);
  if (at < 0) return 0;
  const around = names.slice(0, -1).filter((outer) => parts.includes(outer)).length;
  return Math.max(1, 500 + 10 * around - (parts.length - 1 - at));
}

function unmatched(file: string, layer: string, expected: string, found: string): VentralError {
  const field = valueText(layer);
  const sentence = `${file}: layer ${field} needs ${expected}, found ${valueText(found)}`;
  return new VentralError('checkpoint-unmatched', sentence, { file, field, expected, found });
}

/** The weights of one layer; throws `checkpoint-unmatched` where one is missing. */
export function weightsOf(source: WeightSource, config: LayerConfig): ReadonlyMap<string, Weight> {
  const roles = weightRoles(config.className, config);
  if (roles.length === 0) return new Map();
  const found = source.of(config.layer, roles);
  const missing = roles.filter((role) => !found.has(role) && role !== 'count');
  if (missing.length === 0) return found;
  throw unmatched(
    config.file,
    config.layer,
    `weights ${missing.join(', ')}`,
    'none of these in the file',
  );
}

/** @throws VentralError `checkpoint-unmatched` where the file holds weights that no layer took */
export function refuseUnused(source: WeightSource, file: string): void {
  const [first, ...others] = source.unused();
  if (first === undefined) return;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  throw new VentralError(
    'checkpoint-unmatched',
    `${file} has weights that no layer uses: ${valueText(first)}${more}`,
    {
      file,
      field: valueText(first),
      expected: 'a layer for every weight',
      found: `${others.length + 1} without`,
    },
  );
}

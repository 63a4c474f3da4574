import type { WeightSource } from './layer-weights.js';
import type { ConfiguredLayer, ConfiguredModel } from './model-config.js';
import type { Weight } from './operations.js';

/**
 * The weights of a `.keras` file. A layer's place is called after its class and counted within its model,
 * its weights are numbered: `layers/conv2d_1/vars/0` (keras/src/saving/saving_lib.py, _save_container_state;
 * Keras 2.12 and 2.13 say `_layer_checkpoint_dependencies` for `layers`). Files with the layers' own names for
 * places are read too.
 */
export class NumberedWeights implements WeightSource {
  readonly #places: ReadonlyMap<string, string>;
  readonly #used = new Set<string>();

  readonly #weights: ReadonlyMap<string, Weight>;

  constructor(model: ConfiguredModel, weights: ReadonlyMap<string, Weight>) {
    this.#weights = weights;
    const old = [...weights.keys()].some((name) => name.startsWith('_layer_checkpoint_'));
    const container = old ? '_layer_checkpoint_dependencies' : 'layers';
    const byClass = new Map(places(model, container, classWords, { place: '', path: '' }));
    const byName = new Map(places(model, container, () => ownName, { place: '', path: '' }));
    const there = (found: ReadonlyMap<string, string>) =>
      [...found.values()].filter((place) => weights.has(`${place}/vars/0`)).length;
    this.#places = there(byName) > there(byClass) ? byName : byClass;
  }

  of(layer: string, roles: readonly string[]): Map<string, Weight> {
    const found = new Map<string, Weight>();
    roles.forEach((role, number) => {
      const name = `${this.#places.get(layer)}/vars/${number}`;
      const weight = this.#weights.get(name);
      if (weight === undefined) return;
      this.#used.add(name);
      found.set(role, weight);
    });
    return found;
  }

  /** Those of layers: the file also holds an optimizer's, and the seeds of layers that drop out. */
  unused(): string[] {
    return [...this.#weights.keys()].filter(
      (name) =>
        /^(_layer_checkpoint_|layers\/)/.test(name) &&
        !this.#used.has(name) &&
        !/generator/.test(name),
    );
  }
}

/** What a layer's place is called within its model. */
type Naming = (layer: ConfiguredLayer) => string;

const ownName: Naming = ({ name }) => name;

/** Names for the layers of one model after another, each counting for itself. */
const classWords = (): Naming => {
  const counts = new Map<string, number>();
  return ({ config }) => {
    const word = snakeCase(config.className);
    const count = counts.get(word) ?? 0;
    counts.set(word, count + 1);
    return count === 0 ? word : `${word}_${count}`;
  };
};

/** Layers with the models around, `outer/inner`, and their places in the file. */
function* places(
  model: ConfiguredModel,
  container: string,
  namings: () => Naming,
  around: { readonly place: string; readonly path: string },
): Generator<[string, string]> {
  const naming = namings();
  for (const layer of model.layers) {
    const place = `${around.place}${container}/${naming(layer)}`;
    const path = around.path + layer.name;
    yield [path, place];
    if (layer.inner) {
      yield* places(layer.inner, container, namings, { place: `${place}/`, path: `${path}/` });
    }
  }
}

/** As keras/src/utils/naming.py, to_snake_case. */
const snakeCase = (name: string): string =>
  name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();

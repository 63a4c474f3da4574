import type { WeightSource } from './layer-weights.js';
import type { ConfiguredModel } from './model-config.js';
import type { Weight } from './operations.js';

/**
 * The weights of a `.keras` file. A layer's place is called after its class and counted within its model,
 * its weights are numbered: `layers/conv2d_1/vars/0` (keras/src/saving/saving_lib.py, _save_container_state;
 * Keras 2.12 and 2.13 say `_layer_checkpoint_dependencies` for `layers`).
 */
export class NumberedWeights implements WeightSource {
  readonly #places = new Map<string, string>();
  readonly #used = new Set<string>();

  constructor(
    model: ConfiguredModel,
    private readonly weights: ReadonlyMap<string, Weight>,
  ) {
    const old = [...weights.keys()].some((name) => name.startsWith('_layer_checkpoint_'));
    this.#number(model, old ? '_layer_checkpoint_dependencies' : 'layers', '', '');
  }

  of(layer: string, roles: readonly string[]): Map<string, Weight> {
    const found = new Map<string, Weight>();
    roles.forEach((role, number) => {
      const name = `${this.#places.get(layer)}/vars/${number}`;
      const weight = this.weights.get(name);
      if (weight === undefined) return;
      this.#used.add(name);
      found.set(role, weight);
    });
    return found;
  }

  /** Those of layers: the file also holds an optimizer's, and the seeds of layers that drop out. */
  unused(): string[] {
    const places = [...this.#places.values()].map((place) => `${place}/vars/`);
    const layers = new Set(places);
    return [...this.weights.keys()].filter(
      (name) => !this.#used.has(name) && layers.has(name.slice(0, name.lastIndexOf('/') + 1)),
    );
  }

  #number(model: ConfiguredModel, container: string, place: string, path: string): void {
    const counts = new Map<string, number>();
    for (const { name, config, inner } of model.layers) {
      const word = snakeCase(config.className);
      const count = counts.get(word) ?? 0;
      counts.set(word, count + 1);
      const own = `${place}${container}/${word}${count === 0 ? '' : `_${count}`}`;
      this.#places.set(path + name, own);
      if (inner) this.#number(inner, container, `${own}/`, `${path}${name}/`);
    }
  }
}

/** As keras/src/utils/naming.py, to_snake_case. */
export const snakeCase = (name: string): string =>
  name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();

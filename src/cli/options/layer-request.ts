import { VentralError } from '../../errors/ventral-error.js';

/** Options that take several values are repeated or comma-separated (design §6); commas in braces belong to a glob. */
export const several = (value: string, before: string[]): string[] => [
  ...before,
  ...value.split(/,(?![^{}]*\})/).filter(Boolean),
];

/**
 * `V1=layer1.0` for a region, `NAME` for all; several for one region, repeated or after a comma
 * (`V1=layer1.0,layer1.1`), are joined.
 */
export function layerRequest(given: readonly string[]): Record<string, string[]> {
  const layers: Record<string, string[]> = {};
  for (const value of given) {
    let key = '*';
    for (const word of several(value, [])) {
      const found = /^(V1|V2|V4|IT|behavior|logits)=(.+)$/.exec(word);
      const unknown = /^(\w+)=/.exec(word);
      if (!found && unknown)
        throw new VentralError(
          'bad-usage',
          `score --layer ${word}: expected V1, V2, V4, IT, behavior or logits before =, found "${unknown[1]}"`,
          { field: '--layer', found: unknown[1] },
        );
      if (found) key = found[1];
      layers[key] = [...(layers[key] ?? []), found ? found[2] : word];
    }
  }
  return layers;
}

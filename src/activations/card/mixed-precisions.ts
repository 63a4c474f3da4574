import { basename, dirname, resolve } from 'node:path';
import { precisionInName } from '../../onnx/weight-type.js';
import type { HubSource } from './card.js';

/** A model among others: how messages call it, its file, and where its card says that it is from. */
export interface PrecisionOf {
  readonly name: string;
  readonly path?: string;
  readonly source?: HubSource | undefined;
}

/**
 * Remarks on files of one network in several precisions: by the repository of their cards and the element type of their
 * weights, else by folder and name (`model.onnx`, `model_fp16.onnx`). Their scores differ by rounding.
 */
export function mixedPrecisions(models: readonly PrecisionOf[]): string[] {
  const networks = new Map<string, { readonly name: string; readonly precision: string }[]>();
  for (const model of models) {
    const found = fileOf(model);
    if (!found) continue;
    const files = networks.get(found.network) ?? [];
    files.push({ name: model.name, precision: found.precision });
    networks.set(found.network, files);
  }
  return [...networks.values()].flatMap((files) => {
    const precisions = new Set(files.map(({ precision }) => precision));
    if (precisions.size < 2) return [];
    const firsts = [...precisions].flatMap(
      (precision) => files.find((file) => file.precision === precision) ?? [],
    );
    const named = firsts.map(({ name, precision }) => `${name} (${precision})`).join(' and ');
    return `${named} are one network in several precisions: their scores differ by rounding, not by the network`;
  });
}

function fileOf({ path, source }: PrecisionOf) {
  if (source) {
    const { stem, precision = 'full precision' } = precisionInName(source.file);
    return { network: `${source.hub} ${stem}`, precision: source.weights ?? precision };
  }
  if (path === undefined || !/\.onnx$/i.test(path)) return undefined;
  const { stem, precision = 'full precision' } = precisionInName(basename(path));
  return { network: resolve(dirname(path), stem), precision };
}

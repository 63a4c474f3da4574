import { basename } from 'node:path';
import { frameReadings, type InputLayout } from '../onnx/input-layout.js';
import { listLayers } from '../onnx/layers.js';
import { modelInputs } from '../onnx/model-inputs.js';
import { imagenetCard, type ModelCard } from './card/card.js';
import type { CardHints } from './card/card-template.js';
import { importedNormalizer, importedWithoutHead } from './card/import-record.js';
import { measureLayers, modulesOrValues } from './measure-layers.js';
import { openModelFile } from './model-file.js';

/** Card values found in an ONNX file. */
export interface CardDraft {
  readonly name: string;
  readonly hints: CardHints;
}

/**
 * Card values found in an ONNX file: name, side and layout of the input, layers, how many values the last
 * output has, and the normalizer of an imported network.
 * @throws what opening the model throws
 */
export async function draftCard(reference: string): Promise<CardDraft> {
  // `card init net.onnx > net.yaml` creates that file, empty, before the command starts: no card is read.
  const { model } = await openModelFile(reference, { card: imagenetCard });
  const name = basename(reference).replace(/\.(onnx|ya?ml)$/i, '');
  const [input] = modelInputs(model);
  const readings = frameReadings(input?.dims ?? []);
  const layout: InputLayout = input?.layout ?? readings[0] ?? 'NCHW';
  const sizeOf = (axis: 'T' | 'H') => input?.dims?.[layout.indexOf(axis)];
  const [side, frames] = [sizeOf('H'), sizeOf('T')];
  const normalizer = importedNormalizer(model);
  const axes = { layout, ...(typeof frames === 'number' && { frames }) };
  const card = { ...imagenetCard, input: { ...imagenetCard.input, ...axes } };
  const output = await lastOutput(reference, card, model.graph.outputs.at(-1)?.name);
  const listed = modulesOrValues(listLayers(model)).filter(({ value }) => value !== null);
  const values = new Set(listed.map(({ value }) => value));
  const outputs = model.graph.outputs
    .map(({ name: value }) => value)
    .filter((value) => !values.has(value));
  const layers = [...listed.map(({ name: layer }) => layer), ...new Set(outputs)];
  return {
    name,
    hints: {
      ...axes,
      ...(readings.length > 1 && { layoutOpen: true }),
      layers,
      ...(typeof side === 'number' && { size: side }),
      ...(normalizer && { normalizer }),
      ...(output && { output }),
      ...(importedWithoutHead(model) && { headless: true }),
    },
  };
}

/** A flat output may be classes; how many values it has is measured where the network runs as it is. */
async function lastOutput(
  reference: string,
  card: ModelCard,
  name: string | undefined,
): Promise<CardHints['output']> {
  try {
    const layers = await measureLayers(reference, { card });
    const found = layers.find(({ value, kind }) => kind === 'value' && value === name);
    const isFlat = found?.shape?.filter((size) => size !== 1).length === 1;
    return found && isFlat && found.units !== null
      ? { name: found.name, values: found.units }
      : undefined;
  } catch {
    // A card is wanted of networks that do not run at 224 pixels, too.
    return undefined;
  }
}

import { listLayers } from '../onnx/layers.js';
import { modelInputs } from '../onnx/model-inputs.js';
import { cardTemplate } from './card.js';
import { modulesOrValues } from './measure-layers.js';
import { openModelFile } from './model-file.js';

/** A card to complete for an ONNX file: its name, input size, layout and layers are filled in. */
export async function initCard(reference: string): Promise<string> {
  const { model, name } = await openModelFile(reference);
  const input = modelInputs(model)[0];
  const layout = input?.layout ?? 'NCHW';
  const side = input?.dims?.[layout === 'NCHW' ? 2 : 1];
  return cardTemplate(name, {
    layout,
    ...(typeof side === 'number' ? { size: side } : {}),
    layers: modulesOrValues(listLayers(model)).flatMap(({ name: layer, value }) =>
      value === null ? [] : layer,
    ),
  });
}

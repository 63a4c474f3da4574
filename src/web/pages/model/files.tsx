import { answer, client, type Schemas } from '../../client/client.js';
import { ExportMenu } from '../../parts/export-menu.js';
import { bytes } from '../../parts/format.js';
import { saveFile } from '../../parts/save.js';

type Model = Schemas['Model'];

const FORMATS: readonly { readonly format: Schemas['PackageFormat']; readonly says: string }[] = [
  { format: 'brainscore', says: 'Brain-Score plugin' },
  { format: 'brainscore-2022', says: 'Brain-Score competition 2022' },
];

/** The ONNX file, and submissions to Brain-Score made of it. */
export function Files({ model }: { readonly model: Model }) {
  const content = async () =>
    (await answer(
      client.GET('/models/{model}/content', {
        params: { path: { model: model.id } },
        parseAs: 'blob',
      }),
    )) as Blob;
  const packed = async (format: Schemas['PackageFormat']) =>
    (await answer(
      client.POST('/packages', { body: { model: model.id, format }, parseAs: 'blob' }),
    )) as Blob;
  return (
    <ExportMenu
      of="the model"
      items={[
        {
          label: `ONNX file (${bytes(model.size)})`,
          save: async () => saveFile(`${model.name}.onnx`, await content()),
        },
        ...FORMATS.map(({ format, says }) => ({
          label: `${says} (ZIP)`,
          save: async () => saveFile(`${model.name}-${format}.zip`, await packed(format)),
        })),
      ]}
    />
  );
}

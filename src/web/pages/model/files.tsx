import { useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { bytes } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { saveFile } from '../../parts/save.js';

type Model = Schemas['Model'];

const FORMATS: readonly { readonly format: Schemas['PackageFormat']; readonly says: string }[] = [
  { format: 'brainscore', says: 'Brain-Score plugin' },
  { format: 'brainscore-2022', says: 'competition of 2022' },
];

/** The ONNX file, and submissions to Brain-Score made of it. */
export function Files({ model }: { readonly model: Model }) {
  const [busy, setBusy] = useState('');
  const [refused, setRefused] = useState<Error>();
  const save = async (name: string, load: () => Promise<Blob>) => {
    setBusy(name);
    setRefused(undefined);
    try {
      saveFile(name, await load());
    } catch (reason) {
      setRefused(reason as Error);
    }
    setBusy('');
  };
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
    <>
      <p class="actions">
        <button
          type="button"
          disabled={busy !== ''}
          onClick={() => save(`${model.name}.onnx`, content)}
        >
          Save the ONNX file ({bytes(model.size)})
        </button>
        {FORMATS.map(({ format, says }) => (
          <button
            type="button"
            key={format}
            disabled={busy !== ''}
            onClick={() => save(`${model.name}-${format}.zip`, () => packed(format))}
          >
            Package it for Brain-Score ({says})
          </button>
        ))}
      </p>
      <p aria-live="polite">{busy && `Generating ${busy} …`}</p>
      {refused && <Problem error={refused} />}
    </>
  );
}

import { useEffect, useRef, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { answer, client, type Schemas } from '../../client/client.js';
import { bytes } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';

/** Sends a ZIP of a benchmark, and shows what the service finds wrong with it. */
export function UploadForm({ registered }: { readonly registered: () => void }) {
  const { route } = useLocation();
  const [file, setFile] = useState<File>();
  const [visibility, setVisibility] = useState<Schemas['Visibility']>('private');
  const [state, setState] = useState<'idle' | 'sending' | Error>('idle');
  const send = async (event: Event) => {
    event.preventDefault();
    if (!file) return;
    setState('sending');
    const form = new FormData();
    form.append('visibility', visibility);
    form.append('file', file, file.name);
    try {
      const { id } = await answer(
        client.POST('/benchmarks', {
          body: {} as Schemas['BenchmarkUpload'],
          bodySerializer: () => form,
        }),
      );
      registered();
      route(`/benchmarks/${id}`);
    } catch (error) {
      setState(error as Error);
    }
  };
  const place = useRef<HTMLFormElement>(null);
  useEffect(() => {
    // The form comes with the list, later than the address that leads to it; before it are some hundred links.
    if (location.hash !== '#upload') return;
    place.current?.querySelector('input')?.focus({ preventScroll: true });
    place.current?.scrollIntoView();
  }, []);
  return (
    <form id="upload" ref={place} onSubmit={send}>
      <p>
        A ZIP archive without folders: one YAML file and the files it names, that is, stimuli (a CSV
        file and a ZIP archive of images) and recordings (netCDF or CSV).{' '}
        <a href="/docs/own-recordings">How to make one</a>,{' '}
        <a href="/docs/benchmark-file">every key of the YAML file</a>.
      </p>
      <div class="controls">
        <label>
          ZIP archive
          <input
            type="file"
            accept=".zip,application/zip"
            required
            onChange={(event) => {
              setFile(event.currentTarget.files?.[0]);
              setState('idle');
            }}
          />
        </label>
        <label>
          Visibility
          <select
            value={visibility}
            onChange={(event) => setVisibility(event.currentTarget.value as Schemas['Visibility'])}
          >
            <option value="private">only me</option>
            <option value="group">my group</option>
            <option value="public">everyone</option>
          </select>
        </label>
        <button type="submit" class="primary" disabled={state === 'sending'}>
          Upload{file ? ` ${bytes(file.size)}` : ''}
        </button>
      </div>
      <div aria-live="polite">{state === 'sending' && <p>Checking…</p>}</div>
      {state instanceof Error && <Problem error={state} />}
    </form>
  );
}

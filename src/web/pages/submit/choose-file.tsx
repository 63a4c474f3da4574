import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { useSession } from '../../client/session.js';
import { bytes } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { fileDigest } from './sha256.js';
import { uploadModel } from './upload.js';

type Model = Schemas['Model'];

interface ChooseFileProps {
  /** Told the model once it is registered, and whether it was before. */
  readonly registered: (model: Model, before: boolean) => void;
}

/** A file is dropped or chosen, read, and sent. */
export function ChooseFile({ registered }: ChooseFileProps) {
  const [file, setFile] = useState<File>();
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <section
        class={over ? 'drop over' : 'drop'}
        aria-label="The ONNX file"
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          const dropped = event.dataTransfer?.files[0];
          if (dropped) setFile(dropped);
        }}
      >
        <label>
          <strong>Drop an ONNX file here, or choose one</strong>
          <input
            type="file"
            accept=".onnx"
            ref={input}
            onChange={({ currentTarget: { files } }) => files?.[0] && setFile(files[0])}
          />
        </label>
        <p class="quiet">
          A single file that includes its weights. Convert PyTorch, Keras, TensorFlow.js and
          TensorFlow Lite checkpoints with <code>ventral import</code>.
        </p>
      </section>
      {file && (
        <Chosen
          // Another file starts again.
          key={`${file.name} ${file.size} ${file.lastModified}`}
          file={file}
          registered={registered}
        />
      )}
    </>
  );
}

/** What is known of a file before it is sent. */
interface Read {
  readonly read: number;
  readonly digest?: string;
  /** Registrations of these bytes that one may see. */
  readonly known: readonly Model[];
}

function Chosen({ file, registered }: ChooseFileProps & { readonly file: File }) {
  const { caller } = useSession();
  const [{ read, digest, known }, setRead] = useState<Read>({ read: 0, known: [] });
  const [error, setError] = useState<Error>();
  useEffect(() => {
    const ending = new AbortController();
    examine(file, setRead, ending.signal).catch((thrown) => {
      if (!ending.signal.aborted) setError(thrown);
    });
    return () => ending.abort();
  }, [file]);
  const own = known.find(({ owner }) => owner === caller?.owner);
  return (
    <section aria-label="The file chosen">
      <h2>
        <bdi>{file.name}</bdi>
      </h2>
      <dl class="facts">
        <dt>Size</dt>
        <dd>{bytes(file.size)}</dd>
        <dt>Digest</dt>
        <dd>
          {digest ? (
            <code>{digest}</code>
          ) : (
            <progress value={read} max={file.size || 1} aria-label="Reading the file" />
          )}
        </dd>
      </dl>
      {error && <Problem error={error} />}
      {known.length > 0 && <Known models={known} />}
      {own ? (
        <p class="actions">
          <button type="button" class="primary" onClick={() => registered(own, true)}>
            Continue with this model
          </button>
        </p>
      ) : (
        digest && <Send file={file} registered={registered} />
      )}
    </section>
  );
}

async function examine(
  file: File,
  change: (next: (before: Read) => Read) => void,
  signal: AbortSignal,
): Promise<void> {
  const digest = await fileDigest(
    file,
    (read) => change((before) => ({ ...before, read })),
    signal,
  );
  const { items: known } = await answer(
    client.GET('/models', { params: { query: { digest } }, signal }),
  );
  change((before) => ({ ...before, digest, known }));
}

function Known({ models }: { readonly models: readonly Model[] }) {
  return (
    <div class="notice" role="status">
      <p>This file is already registered:</p>
      <ul>
        {models.map(({ id, name, owner, visibility }) => (
          <li key={id}>
            <a href={`/models/${id}`}>
              <bdi>{name}</bdi>
            </a>{' '}
            <span class="quiet">
              owner <bdi>{owner}</bdi>, {visibility}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Send({ file, registered }: ChooseFileProps & { readonly file: File }) {
  const { caller } = useSession();
  const [visibility, setVisibility] = useState<Schemas['Visibility']>('private');
  const [group, setGroup] = useState(caller?.groups[0] ?? '');
  const [sent, setSent] = useState<number>();
  const [error, setError] = useState<Error>();
  const sending = useRef<AbortController>(null);
  useEffect(() => () => sending.current?.abort(), []);
  const send = async () => {
    const ending = new AbortController();
    sending.current = ending;
    setError(undefined);
    setSent(0);
    try {
      const access = { visibility, ...(visibility === 'group' ? { group } : {}) };
      registered(await uploadModel({ file, ...access }, setSent, ending.signal), false);
    } catch (thrown) {
      if (!ending.signal.aborted) setError(thrown as Error);
      setSent(undefined);
    }
  };
  if (sent !== undefined)
    return <Sending sent={sent} size={file.size} cancel={() => sending.current?.abort()} />;
  return (
    <form
      class="controls"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {error && <Problem error={error} />}
      <VisibilityChoice {...{ visibility, setVisibility, group, setGroup }} />
      <button type="submit" class="primary">
        Upload and check
      </button>
    </form>
  );
}

interface VisibilityChoiceProps {
  readonly visibility: Schemas['Visibility'];
  readonly setVisibility: (visibility: Schemas['Visibility']) => void;
  readonly group: string;
  readonly setGroup: (group: string) => void;
}

function VisibilityChoice({ visibility, setVisibility, group, setGroup }: VisibilityChoiceProps) {
  const { caller } = useSession();
  const groups = useId();
  const mayGroup = caller?.role === 'admin' || (caller?.groups.length ?? 0) > 0;
  return (
    <>
      <label>
        Visibility
        <select
          value={visibility}
          onChange={({ currentTarget }) =>
            setVisibility(currentTarget.value as Schemas['Visibility'])
          }
        >
          <option value="private">private: me and admins</option>
          {mayGroup && <option value="group">group: also members of one of my groups</option>}
          <option value="public">public: everyone with a key</option>
        </select>
      </label>
      {visibility === 'group' && (
        <label>
          Group
          <input
            required
            list={groups}
            value={group}
            onInput={({ currentTarget }) => setGroup(currentTarget.value)}
          />
          <datalist id={groups}>
            {caller?.groups.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </label>
      )}
    </>
  );
}

interface SendingProps {
  readonly sent: number;
  readonly size: number;
  readonly cancel: () => void;
}

function Sending({ sent, size, cancel }: SendingProps) {
  const whole = sent >= size;
  return (
    <>
      <p aria-live="polite">{whole ? 'Checking the graph' : 'Uploading the file'}</p>
      <progress {...(whole ? {} : { value: sent })} max={size || 1} aria-label="Upload" />
      <p class="quiet">
        {bytes(sent)} of {bytes(size)}
      </p>
      <p class="actions">
        <button type="button" onClick={cancel}>
          Cancel the upload
        </button>
      </p>
    </>
  );
}

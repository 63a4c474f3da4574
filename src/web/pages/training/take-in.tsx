import { useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { useSession } from '../../client/session.js';
import { Problem } from '../../parts/problem.js';
import { nameOf } from '../../parts/start/benchmark-groups.js';
import { type OnceHeader, useSendOnce } from '../../parts/start/send-once.js';
import { useResource } from '../../parts/use-resource.js';
import type { Training } from './use-runs.js';

/** A checkpoint that became a model. */
interface Taken {
  readonly model: Schemas['Model'];
  /** The job that scores it, if requested. */
  readonly job: string | undefined;
}

interface TakeInProps {
  readonly job: Training;
  readonly checkpoints: readonly string[];
}

/** Registers checkpoints as models and has them scored, which puts them on the leaderboard. */
export function TakeIn({ job, checkpoints }: TakeInProps) {
  const { data } = useResource(
    async (signal) => (await answer(client.GET('/benchmarks', { signal }))).items,
    [],
  );
  const [name, setName] = useState('');
  const [visibility, setVisibility] = useState<Schemas['Visibility']>('private');
  const [benchmarks, setBenchmarks] = useState<readonly string[]>();
  const [taken, setTaken] = useState<readonly Taken[]>([]);
  const { caller } = useSession();
  const { busy: working, error: failed, once } = useSendOnce();
  const asked = benchmarks ?? standardBenchmarks(job, data ?? []);
  const take = () =>
    once(async (headerOf) => {
      setTaken([]);
      for (const checkpoint of checkpoints) {
        const given = checkpoints.length === 1 && name !== '' ? { name } : {};
        const one = await takenIn(job, checkpoint, { ...given, visibility }, asked, headerOf);
        setTaken((before) => [...before, one]);
      }
    });
  if (caller?.role === 'reader') return null;
  return (
    <form
      class="take-in"
      onSubmit={(event) => {
        event.preventDefault();
        void take();
      }}
    >
      <h3>Add checkpoints to the leaderboard</h3>
      {checkpoints.length === 0 ? (
        <p>Select checkpoints above. Each becomes one of your models and is scored.</p>
      ) : (
        <>
          <p>{checkpoints.join(', ')}</p>
          <div class="controls">
            {checkpoints.length === 1 && (
              <label>
                Model name
                <input
                  type="text"
                  maxLength={200}
                  placeholder={`${job.name} ${checkpoints[0]}`}
                  value={name}
                  onInput={(event) => setName(event.currentTarget.value)}
                />
              </label>
            )}
            <label>
              Visibility
              <select
                value={visibility}
                onChange={({ currentTarget }) =>
                  setVisibility(currentTarget.value as Schemas['Visibility'])
                }
              >
                <option value="private">only me</option>
                <option value="group">my group</option>
                <option value="public">everyone</option>
              </select>
            </label>
          </div>
          <BenchmarkChoice all={data ?? []} asked={asked} change={setBenchmarks} />
        </>
      )}
      {checkpoints.length > 0 && (
        <p class="actions">
          <button type="submit" class="primary" disabled={working}>
            {asked.length > 0 ? 'Register and score' : 'Register'}
          </button>
        </p>
      )}
      {failed && <Problem error={failed} />}
      <div role="status">
        {taken.length > 0 && (
          <ul>
            {taken.map(({ model, job: score }) => (
              <li key={model.id}>
                <a href={`/models/${model.id}`}>
                  <bdi>{model.name}</bdi>
                </a>{' '}
                is registered
                {score && (
                  <>
                    , and <a href={`/scores/${score}`}>is being scored ({model.name})</a>
                  </>
                )}
              </li>
            ))}
          </ul>
        )}
      </div>
    </form>
  );
}

async function takenIn(
  { id }: Training,
  checkpoint: string,
  body: Schemas['CheckpointRegistration'],
  benchmarks: readonly string[],
  headerOf: (body: object) => OnceHeader,
): Promise<Taken> {
  const model = await answer(
    client.POST('/trainings/{job}/checkpoints/{checkpoint}/model', {
      params: { path: { job: id, checkpoint }, header: headerOf({ checkpoint, ...body }) },
      body,
    }),
  );
  if (benchmarks.length === 0) return { model, job: undefined };
  const asked = { model: model.id, benchmarks: [...benchmarks] };
  const score = await answer(
    client.POST('/scores', { body: asked, params: { header: headerOf(asked) } }),
  );
  return { model, job: score.id };
}

/** Those that the training scores on, else the simulated ones of every region. */
function standardBenchmarks(
  { benchmarks }: Training,
  all: readonly Schemas['Benchmark'][],
): readonly string[] {
  if (benchmarks.length > 0) return benchmarks;
  return all
    .filter(({ id, simulated, upload }) => simulated && !upload && id.startsWith('Simulated.'))
    .map(({ id }) => id);
}

interface BenchmarkChoiceProps {
  readonly all: readonly Schemas['Benchmark'][];
  readonly asked: readonly string[];
  readonly change: (benchmarks: readonly string[]) => void;
}

function BenchmarkChoice({ all, asked, change }: BenchmarkChoiceProps) {
  const kinds = [
    ['Simulated benchmarks', all.filter(({ origin }) => origin === 'simulated')],
    ['Real recordings', all.filter(({ origin }) => origin === 'real')],
    ['Uploaded recordings', all.filter(({ origin }) => origin === 'uploaded')],
  ] as const;
  return (
    <>
      {kinds.map(
        ([kind, some]) =>
          some.length > 0 && (
            <details key={kind} open={some.some(({ id }) => asked.includes(id))}>
              <summary>
                {kind} ({some.filter(({ id }) => asked.includes(id)).length} of {some.length})
              </summary>
              <fieldset class="benchmark-choice">
                <legend>{kind}</legend>
                {some.map(({ id, ...benchmark }) => (
                  <label class="inline" key={id}>
                    <input
                      type="checkbox"
                      checked={asked.includes(id)}
                      onChange={({ currentTarget }) =>
                        change(
                          currentTarget.checked
                            ? [...asked, id]
                            : asked.filter((other) => other !== id),
                        )
                      }
                    />
                    <bdi>{nameOf({ id, ...benchmark })}</bdi>
                  </label>
                ))}
              </fieldset>
            </details>
          ),
      )}
    </>
  );
}

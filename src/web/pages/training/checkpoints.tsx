import { useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { bytes, moment, shortDigest, value } from '../../parts/format.js';
import { isOpen } from '../../parts/job-state.js';
import { Problem } from '../../parts/problem.js';
import { saveFile } from '../../parts/save.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';
import { eventsOf } from './curves.js';
import { TakeIn } from './take-in.js';
import type { Run, Training } from './use-runs.js';

type Checkpoint = Schemas['Checkpoint'];

/** The networks that a training has kept: to be saved, removed, or taken into the leaderboard. */
export function Checkpoints({ run, job }: { readonly run: Run; readonly job: Training }) {
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [failed, setFailed] = useState<Error>();
  const told = eventsOf(run.events, 'epoch').length + eventsOf(run.events, 'average').length;
  const { data, error, reload } = useResource(
    async (signal) =>
      (
        await answer(
          client.GET('/trainings/{job}/checkpoints', {
            params: { path: { job: job.id } },
            signal,
          }),
        )
      ).items,
    [job.id, job.state, told],
  );
  const attempt = (work: () => Promise<unknown>) => {
    setFailed(undefined);
    work().catch(setFailed);
  };
  if (error) return <Problem error={error} />;
  if (!data) return <p role="status">Loading checkpoints…</p>;
  if (data.length === 0)
    return (
      <p>
        {isOpen(job)
          ? 'The first checkpoint is written at the end of the first epoch.'
          : 'This training has no checkpoints.'}
      </p>
    );
  const names = chosen.filter((name) => data.some((checkpoint) => checkpoint.name === name));
  return (
    <>
      {failed && <Problem error={failed} />}
      <CheckpointTable
        items={data}
        run={run}
        job={job}
        chosen={names}
        choose={(name, on) =>
          setChosen(on ? [...names, name] : names.filter((other) => other !== name))
        }
        save={(name) => attempt(() => saved(job, name))}
        remove={(name) =>
          attempt(async () => {
            const path = { job: job.id, checkpoint: name };
            await answer(
              client.DELETE('/trainings/{job}/checkpoints/{checkpoint}', { params: { path } }),
            );
            reload();
          })
        }
      />
      <TakeIn job={job} checkpoints={names} />
    </>
  );
}

async function saved(job: Training, checkpoint: string): Promise<void> {
  const blob = await answer(
    client.GET('/trainings/{job}/checkpoints/{checkpoint}', {
      params: { path: { job: job.id, checkpoint } },
      parseAs: 'blob',
    }),
  );
  saveFile(`${job.name}-${checkpoint}.onnx`, blob as Blob);
}

interface CheckpointTableProps {
  readonly items: readonly Checkpoint[];
  readonly run: Run;
  readonly job: Training;
  readonly chosen: readonly string[];
  readonly choose: (name: string, on: boolean) => void;
  readonly save: (name: string) => void;
  readonly remove: (name: string) => void;
}

function CheckpointTable(props: CheckpointTableProps) {
  const { items, run, job, chosen, choose, save, remove } = props;
  const validation = new Map(
    eventsOf(run.events, 'epoch').map(({ checkpoint, validation }) => [checkpoint, validation]),
  );
  return (
    <Scroll label="Checkpoints">
      <table>
        <thead>
          <tr>
            <th scope="col">Select</th>
            <th scope="col">Checkpoint</th>
            <th scope="col" class="number">
              Validation accuracy
            </th>
            <th scope="col" class="number">
              Under attack
            </th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col">Digest</th>
            <th scope="col">Saved</th>
            <th scope="col">File</th>
          </tr>
        </thead>
        <tbody>
          {items.map(({ name, size, digest, createdAt }) => (
            <tr key={name}>
              <td>
                <input
                  type="checkbox"
                  aria-label={`Select ${name}`}
                  checked={chosen.includes(name)}
                  onChange={({ currentTarget }) => choose(name, currentTarget.checked)}
                />
              </td>
              <th scope="row">
                {name}
                {job.result?.checkpoint === name && <span class="badge">final network</span>}
              </th>
              <td class="number">{value(validation.get(name)?.accuracy)}</td>
              <td class="number">{value(validation.get(name)?.robustAccuracy)}</td>
              <td class="number">{bytes(size)}</td>
              <td>
                <code title={digest}>{shortDigest(digest)}</code>
              </td>
              <td>{moment(createdAt)}</td>
              <td>
                <button type="button" aria-label={`Download ${name}`} onClick={() => save(name)}>
                  Download
                </button>{' '}
                {!isOpen(job) && <Remove name={name} remove={() => remove(name)} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** Asked twice: what is removed is gone. */
function Remove({ name, remove }: { readonly name: string; readonly remove: () => void }) {
  const [sure, setSure] = useState(false);
  return sure ? (
    <button type="button" aria-label={`Remove ${name} permanently`} onClick={remove}>
      Remove permanently
    </button>
  ) : (
    <button type="button" aria-label={`Remove ${name}`} onClick={() => setSure(true)}>
      Remove
    </button>
  );
}

import { secondsBetween } from './format.js';
import { stageWords } from './job-progress.js';
import { Scroll } from './scroll.js';

interface EndedJob {
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** Lines that begin with their time. */
  readonly log: readonly string[];
}

/** A stage of the last attempt. */
interface Stage {
  readonly name: string;
  readonly from: string;
  /** When the next one began, or the job ended. */
  readonly to: string;
}

/** The stages that an ended job went through, and how long each took. */
export function Stages({ job }: { readonly job: EndedJob }) {
  const stages = stagesOf(job);
  if (stages.length === 0) return null;
  return (
    <Scroll label="Stages">
      <table class="stages">
        <caption>Stages of the last attempt, each until the next began</caption>
        <thead>
          <tr>
            <th scope="col">Stage</th>
            <th scope="col">Time</th>
          </tr>
        </thead>
        <tbody>
          {stages.map(({ name, from, to }) => (
            <tr key={name}>
              <th scope="row">{stageWords(name)}</th>
              <td>{secondsBetween(from, to)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function stagesOf({ finishedAt, log }: EndedJob): Stage[] {
  const begun = log.map((line) => /^(\S+) Attempt \d+ starts$/.test(line)).lastIndexOf(true);
  const found = log.slice(begun + 1).flatMap((line) => {
    const [, from, name] = /^(\S+Z) Stage: (.+)$/.exec(line) ?? [];
    return from === undefined || name === undefined ? [] : [{ from, name }];
  });
  // The log has whole seconds.
  return found.map((stage, i) => ({
    ...stage,
    to: found[i + 1]?.from ?? finishedAt ?? stage.from,
  }));
}

import type { Schemas } from '../../client/client.js';
import { CopyButton } from '../../parts/copy-button.js';
import { value } from '../../parts/format.js';
import type { ScoreOfJob } from './use-scores.js';

/** An entry that names the bytes and what the numbers were made with, so that others can make them again. */
export function Cite({
  model,
  scores,
}: {
  readonly model: Schemas['Model'];
  readonly scores: readonly ScoreOfJob[];
}) {
  const entry = bibtex(model, scores);
  return (
    <>
      <h2 id="cite">How to cite</h2>
      <pre>{entry}</pre>
      <p class="actions">
        <CopyButton text={entry} what="BibTeX" />
      </p>
      <p class="quiet">Please also cite the paper of each benchmark, given on its page.</p>
    </>
  );
}

function bibtex(
  { name, digest, createdAt }: Schemas['Model'],
  scores: readonly ScoreOfJob[],
): string {
  const [latest] = scores
    .map(({ job }) => job.finishedAt ?? job.createdAt)
    .sort()
    .slice(-1);
  const year = new Date(latest ?? createdAt ?? Date.now()).getFullYear();
  const { ventral } = (scores[0]?.score.provenance ?? {}) as { ventral?: string };
  const numbers = scores.map(
    ({ score, job }) =>
      `${score.benchmark} version ${score.version}: ${value(score.value)}${marksOf(score, job)}`,
  );
  const made = ventral === undefined ? [] : [`scored with ventral ${ventral}`];
  const note = [`ONNX, ${digest}`, ...made, ...numbers].map(plain).join('; ');
  return `@misc{${plain(name).replace(/[^A-Za-z0-9]+/g, '-') || 'model'},\n  title = {${plain(name)}},\n  year  = {${year}},\n  note  = {${note}}\n}\n`;
}

function marksOf(
  { simulated, selection }: ScoreOfJob['score'],
  { brought }: ScoreOfJob['job'],
): string {
  const marks = [
    simulated && 'simulated',
    selection && 'layer chosen on its stimuli',
    brought && 'computed elsewhere',
  ];
  return marks.some(Boolean) ? ` (${marks.filter(Boolean).join(', ')})` : '';
}

/** Braces would end the field. */
const plain = (text: string) => text.replace(/[{}\\]/g, '');

import { duration, shortDigest } from '../../parts/format.js';
import { Scroll } from '../../parts/scroll.js';
import type { ScoreOfJob } from './use-scores.js';

/** What a score says of its making; the contract leaves the names open. */
type Made = {
  readonly ventral?: string;
  readonly metric?: string;
  readonly inputs?: string;
  readonly seconds?: number;
  readonly peakRssMiB?: number;
  readonly runtime?: {
    readonly ort?: string;
    readonly provider?: string;
    readonly device?: string;
    readonly precision?: string;
    readonly threads?: number;
  };
};

/** Where time and memory went, and what each number depends on. */
export function Provenance({ scores }: { readonly scores: readonly ScoreOfJob[] }) {
  if (scores.length === 0) return null;
  return (
    <details>
      <summary>Time, memory and provenance</summary>
      <Scroll label="Provenance">
        <table>
          <thead>
            <tr>
              <th scope="col">Benchmark</th>
              <th scope="col" class="number">
                Time
              </th>
              <th scope="col" class="number">
                Peak memory
              </th>
              <th scope="col">Metric</th>
              <th scope="col">Runtime</th>
              <th scope="col">ventral</th>
              <th scope="col">Inputs</th>
            </tr>
          </thead>
          <tbody>
            {scores.map(({ score, job }) => (
              <Row
                key={job.id + score.benchmark}
                benchmark={score.benchmark}
                of={score.provenance as Made}
              />
            ))}
          </tbody>
        </table>
      </Scroll>
      <p class="quiet">
        “Inputs” is a digest of everything that the number depends on: model file, card, layer,
        stimuli, recordings and their order, definition, metric and numerics. Equal inputs give
        identical results on the same runtime. <code>ventral score … --receipt receipt.json</code>{' '}
        writes a receipt, which <code>ventral verify</code> recomputes.
      </p>
    </details>
  );
}

/** The provider with its device and precision, where it is not the CPU. */
const onProvider = ({ provider, device, precision }: Made['runtime'] & {}) =>
  [provider, device, precision].filter(Boolean).join(', ');

function Row({ benchmark, of }: { readonly benchmark: string; readonly of: Made }) {
  const { seconds, peakRssMiB, metric, runtime, ventral, inputs } = of;
  return (
    <tr>
      <th scope="row">
        <bdi>{benchmark}</bdi>
      </th>
      <td class="number">{seconds === undefined ? '–' : duration(seconds)}</td>
      <td class="number">
        {peakRssMiB === undefined ? '–' : `${Math.round(peakRssMiB).toLocaleString()} MiB`}
      </td>
      <td>{metric ?? '–'}</td>
      <td>
        {runtime?.ort
          ? `ONNX Runtime ${runtime.ort}, ${onProvider(runtime)}, ${runtime.threads} ${runtime.threads === 1 ? 'thread' : 'threads'}`
          : '–'}
      </td>
      <td>{ventral ?? '–'}</td>
      <td>
        <code title={inputs}>{inputs ? shortDigest(inputs) : '–'}</code>
      </td>
    </tr>
  );
}

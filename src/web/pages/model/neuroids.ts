import type { SplitsToDraw } from '../../../figure/splits-figure.js';
import { answer, client, type Schemas } from '../../client/client.js';
import { type Resource, useResource } from '../../parts/use-resource.js';
import type { ModelScores } from './use-scores.js';

type Score = Schemas['Score'];

/** A part of a score with `detail`. */
interface Detailed {
  /** Split × neuroid. */
  readonly neuroids?: readonly (readonly (number | null)[])[];
  readonly neuroid_ids?: readonly (string | number)[];
}

/**
 * The present scores neuroid by neuroid, each value the mean over splits: of those for which some job of
 * equal inputs kept them. Lists of jobs leave them out, so that each such job is asked for.
 */
export function useNeuroids({ present, others }: ModelScores): Resource<readonly Neuroids[]> {
  const kept = present.flatMap(({ score, job }) => {
    const inputs = inputsOf(score);
    const equal = others.filter((one) => inputs !== undefined && inputsOf(one.score) === inputs);
    const found = [{ score, job }, ...equal].find((one) => one.job.detail);
    return found ? [{ benchmark: score.benchmark, job: found.job.id }] : [];
  });
  const jobs = [...new Set(kept.map(({ job }) => job))];
  return useResource(
    async (signal) => {
      const whole = await Promise.all(
        jobs.map((job) =>
          answer(client.GET('/scores/{job}', { params: { path: { job } }, signal })),
        ),
      );
      return kept.flatMap(({ benchmark, job }) => {
        const of = whole.find(({ id }) => id === job);
        return neuroidsOf(of?.results.find((score) => score.benchmark === benchmark));
      });
    },
    [JSON.stringify(kept)],
  );
}

/** A strip of neuroids. */
export interface Neuroids extends SplitsToDraw {
  readonly simulated: boolean;
}

const inputsOf = ({ provenance }: Score) => provenance.inputs as string | undefined;

function neuroidsOf(score: Score | undefined): Neuroids[] {
  if (!score) return [];
  const { neuroids, neuroid_ids } = score.raw as Schemas['ScorePart'] & Detailed;
  if (!neuroids || !neuroid_ids) return [];
  const ceiling = (score.ceiling as Detailed | null)?.neuroids ?? [];
  const over = (rows: readonly (readonly (number | null)[])[]) =>
    neuroid_ids.map((_, i) => mean(rows.map((row) => row[i])));
  return [
    {
      benchmark: score.benchmark,
      simulated: score.simulated,
      names: neuroid_ids.map(String),
      raw: over(neuroids),
      mean: score.raw.value,
      ceiling: ceiling.length > 0 ? over(ceiling) : [],
      ceilingMean: score.ceiling?.value ?? null,
      band: [0.25, 0.75],
    },
  ];
}

function mean(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

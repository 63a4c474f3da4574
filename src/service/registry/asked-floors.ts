import type { components } from '../../api/schema.js';
import { present } from '../../formats/present.js';
import { LEAST_RUNS, LEAST_SEEDS } from '../../scoring/floor/floor.js';
import type { FloorRequest } from '../../scoring/floor/measure-floors.js';
import { RequestProblem } from '../http/problem.js';

type Asked = Pick<components['schemas']['ScoreRequest'], 'null' | 'nullRuns'>;

/**
 * The floors that a body asks for; undefined where it asks for none. Random weights are drawn five times: each is a run of the
 * network.
 * @throws RequestProblem for a number of runs of nothing
 */
export function askedFloors({ null: names = [], nullRuns }: Asked): FloorRequest | undefined {
  const nulls = names.filter((name) => name !== 'random-weights');
  if (nullRuns !== undefined && nulls.length === 0) {
    const detail = 'nullRuns applies to the nulls rows and labels: name one of them in null';
    throw new RequestProblem('invalid-request', detail, {
      parts: [{ pointer: '/nullRuns', detail }],
    });
  }
  if (names.length === 0) return undefined;
  return {
    ...{ nulls, runs: nullRuns ?? LEAST_RUNS },
    ...(nulls.length < names.length ? { weights: LEAST_SEEDS } : {}),
  };
}

/** What a body asked for, as a job shows it. */
export function shownFloors(floors: FloorRequest | undefined): Asked {
  if (!floors) return {};
  const { nulls, runs, weights } = floors;
  return {
    null: [...nulls, ...(weights === undefined ? [] : ['random-weights' as const])],
    ...present({ nullRuns: nulls.length > 0 ? runs : undefined }),
  };
}

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { codes } from '../../errors/codes.js';
import { apiDescription } from '../../formats/api-description.js';
import type { MapPart } from '../../scoring/map/layer-map-types.js';
import type { Score } from '../../scoring/measure/score.js';
import type { JobAnswer } from '../work/job-task.js';

/** A partial result of a process. */
export interface Ahead {
  readonly score?: Score;
  /** Of the score, in base 64. */
  readonly draws?: string;
  readonly map?: MapPart;
}

const described = (name: string) => ({ $ref: `openapi#/components/schemas/${name}` });
const text = { type: 'string', maxLength: 10_000 };
const error = {
  type: 'object',
  required: ['code', 'message', 'details'],
  properties: { code: { enum: Object.keys(codes) }, message: text, details: { type: 'object' } },
};
/** A score keeps at most 100,000 values of r, and a bit an image. */
const draws = { type: 'string', maxLength: 2_000_000 };
const failure = {
  type: 'object',
  required: ['benchmark', 'error'],
  properties: { benchmark: text, error },
};
const numbers = { type: 'object', additionalProperties: { type: 'number' } };
const answer = (
  kind: JobAnswer['kind'],
  found: Readonly<Record<string, object>>,
  more: Readonly<Record<string, object>> = {},
) => ({
  type: 'object',
  required: ['kind', 'failures', ...Object.keys(found)],
  properties: {
    ...{ kind: { const: kind }, ...found, ...more },
    ...{ failures: { type: 'array', items: failure }, usage: numbers },
  },
});
const schemas = {
  score: answer(
    'score',
    { scores: { type: 'array', items: described('Score') } },
    { draws: { type: 'object', additionalProperties: draws } },
  ),
  'layer-map': answer('layer-map', { map: described('LayerMap') }),
  ahead: {
    type: 'object',
    properties: {
      score: described('Score'),
      draws,
      map: {
        type: 'object',
        required: ['benchmarks', 'layers'],
        properties: {
          benchmarks: { type: 'array', items: text },
          layers: { type: 'array', items: described('LayerRow') },
        },
      },
    },
  },
} as const;

let validators: Map<keyof typeof schemas, ValidateFunction> | undefined;

/** Reads the description before there is work: that takes a tenth of a second. */
export function prepareAnswerChecks(): void {
  validators ??= compiled();
}

/**
 * Validates the answer of a process. An uploaded file may have hijacked the process: its answer is stored and
 * shown to others only if it has the form in the API description.
 * @throws RangeError for what has not
 */
export function checkedAnswer(kind: JobAnswer['kind'], value: unknown): JobAnswer {
  return checked(kind, value) as JobAnswer;
}

/** The same for partial results. */
export const checkedAhead = (value: unknown): Ahead => checked('ahead', value) as Ahead;

function checked(name: keyof typeof schemas, value: unknown): unknown {
  prepareAnswerChecks();
  if (!validators?.get(name)?.(value)) throw new RangeError('something other than a result');
  return value;
}

function compiled(): Map<keyof typeof schemas, ValidateFunction> {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(apiDescription().document, 'openapi', undefined, false);
  const names = Object.keys(schemas) as (keyof typeof schemas)[];
  return new Map(names.map((name) => [name, ajv.compile(schemas[name])]));
}

const text = { type: 'string' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const share = { type: 'number', minimum: 0, maximum: 1 } as const;
/** `null` is a number that was not finite. */
const number = { type: ['number', 'null'] } as const;
const pair = { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 2 } as const;

/** An object of a kind, whose fields are all required but for those named last. */
const event = (kind: string, fields: Readonly<Record<string, object>>, ...optional: string[]) => ({
  type: 'object',
  required: ['kind', ...Object.keys(fields).filter((name) => !optional.includes(name))],
  properties: { kind: { const: kind }, ...fields },
});

/** JSON Schema (draft 2020-12) of a TrainingEvent as a line of `metrics.jsonl` holds it. */
export const trainingEventSchema = {
  type: 'object',
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  oneOf: [
    event(
      'step',
      {
        stage: text,
        epoch: count,
        step: count,
        loss: number,
        rate: { type: 'number' },
        epsilon: { type: 'number' },
      },
      'epsilon',
    ),
    event(
      'epoch',
      {
        stage: text,
        epoch: count,
        loss: number,
        accuracy: share,
        validation: {
          type: 'object',
          required: ['loss', 'accuracy'],
          properties: { loss: number, accuracy: share, robustAccuracy: share },
        },
        checkpoint: text,
      },
      'accuracy',
    ),
    event('average', { stage: text, of: { type: 'array', items: text }, checkpoint: text }),
    event('robustness', {
      checkpoint: text,
      attack: text,
      norm: { enum: ['Linf', 'L2'] },
      epsilon: { type: 'number', minimum: 0 },
      correct: count,
      count,
      interval: pair,
    }),
    event(
      'score',
      {
        checkpoint: text,
        benchmark: text,
        simulated: { type: 'boolean' },
        value: number,
        ci: pair,
        reason: text,
      },
      'ci',
      'reason',
    ),
    event('comparison', {
      stage: text,
      with: text,
      measure: text,
      simulated: { type: 'boolean' },
      seeds: { type: 'array', items: count },
      differences: { type: 'array', items: { type: 'number' } },
      mean: { type: 'number' },
      interval: pair,
    }),
    event('note', { stage: text, text }),
  ],
} as const;

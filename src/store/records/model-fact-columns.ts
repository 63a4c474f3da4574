import type { Choice, FactFilter } from '../../leaderboard/fact-filter.js';
import type { ModelFacts } from '../../scoring/model/model-facts.js';

/** Columns of the table of models that the database computes from card and graph. */
export const factColumns = [
  ...(['weights', 'parameters', 'family', 'training_data', 'published', 'licence'] as const),
];

/** A row with {@link factColumns}. */
export interface FactColumns {
  weights: string | null;
  /** A string where the driver has no numbers of 64 bits. */
  parameters: number | string | null;
  family: string | null;
  training_data: unknown;
  published: string | null;
  licence: string | null;
}

/** The facts of a registered model. */
export function factsIn(row: FactColumns): ModelFacts {
  const { training_data: data, parameters } = row;
  return {
    // Cards are checked when they are stored.
    weights: row.weights as ModelFacts['weights'],
    parameters: parameters === null ? null : Number(parameters),
    family: row.family,
    trainingData: Array.isArray(data) ? data.map(String) : null,
    date: row.published,
    licence: row.licence,
  };
}

/** The SQL condition of a choice, and its parameter. */
type Condition = (choice: Choice, parameter: string) => readonly [sql: string, value: unknown];

const word =
  (column: string): Condition =>
  ({ text }, parameter) => [`lower(${column}) = ${parameter}`, text];

/** As `fact-filter.ts` compares what was read. */
const conditions: Readonly<Record<keyof FactFilter, readonly [column: string, is: Condition]>> = {
  weights: ['weights', word('weights')],
  family: ['family', word('family')],
  licence: ['licence', word('licence')],
  trainingData: [
    'training_data',
    ({ is, text }, parameter) =>
      is === 'none'
        ? [`training_data = ${parameter}::jsonb`, '[]']
        : [`lower(training_data::text)::jsonb ? ${parameter}`, text],
  ],
  parameters: [
    'parameters',
    ({ from, to }, parameter) => [
      `parameters between (${parameter}::jsonb ->> 0)::numeric and (${parameter}::jsonb ->> 1)::numeric`,
      JSON.stringify([from || '0', to || '1e15']),
    ],
  ],
  date: [
    'published',
    ({ from, to }, parameter) => [
      `left(published, length(${parameter}::jsonb ->> 0)) >= left(${parameter}::jsonb ->> 0, length(published))
       and left(published, length(${parameter}::jsonb ->> 1)) <= left(${parameter}::jsonb ->> 1, length(published))`,
      JSON.stringify([from || '0', to || '9']),
    ],
  ],
};

/**
 * The SQL condition of a filter, for rows of the table of models.
 * @param first number of its first parameter
 */
export function factCondition(
  filter: FactFilter,
  first: number,
): { readonly condition: string; readonly values: readonly unknown[] } {
  const values: unknown[] = [];
  const parts = Object.entries(filter).flatMap(([name, choices = []]) => {
    const [column, is] = conditions[name as keyof FactFilter];
    const sqlOf = (choice: Choice) => {
      if (choice.is === 'unknown') return `${column} is null`;
      const [sql, value] = is(choice, `$${first + values.length}`);
      values.push(value);
      return `coalesce(${sql}, false)`;
    };
    const [wanted, refused] = [false, true].map((not) =>
      choices.filter((choice) => choice.not === not).map(sqlOf),
    );
    return [
      ...(wanted.length > 0 ? [`(${wanted.join(' or ')})`] : []),
      ...refused.map((sql) => `not (${sql})`),
    ];
  });
  return { condition: parts.length > 0 ? parts.join(' and ') : 'true', values };
}

/** What is known of a model, as HTTP has it. */
export interface Metadata {
  readonly parameters: number | null;
  readonly family: string | null;
  readonly trainingData: readonly string[] | null;
  readonly date: string | null;
  readonly licence: string | null;
}

/** What cards say of models, by the names that queries have: title, and an example of a filter. */
export const facts = {
  parameters: { title: 'Parameters', example: '1M..30M' },
  family: { title: 'Family', example: 'resnet,vit' },
  training_data: { title: 'Training data', example: '!imagenet-21k' },
  date: { title: 'Date', example: '2015..2019' },
  licence: { title: 'Licence', example: 'mit,apache-2.0' },
} as const;

/** A name of {@link facts}. */
export type FactName = keyof typeof facts;

export const factNames = Object.keys(facts) as FactName[];

/** A number of parameters in three digits: `25.6 M`. */
export function parametersText(count: number): string {
  const scale = [1e9, 1e6, 1e3].find((each) => count >= each);
  if (scale === undefined) return String(count);
  const unit = { 1e9: 'B', 1e6: 'M', 1e3: 'k' }[scale];
  return `${Number((count / scale).toPrecision(3))} ${unit}`;
}

/** A fact as a cell shows it; undefined where it is not known. */
export function factText(name: FactName, metadata: Metadata): string | undefined {
  const { parameters, family, trainingData, date, licence } = metadata;
  const text = {
    parameters: parameters === null ? null : parametersText(parameters),
    training_data: trainingData && (trainingData.join(', ') || 'none'),
    ...{ family, date, licence },
  }[name];
  return text ?? undefined;
}

/** A JSON object whose fields nothing is known of yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a JSON value is an object, and no array. */
export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

import { GroupSums, type KeyedModel, type StoredRow } from './group-sums.js';

/** The thread in which draws of large boards are summed and compared (see `GroupThread`). It keeps what it summed. */
const sums = new GroupSums();

/** Which of the rows are not there. */
export const lacking = (keys: readonly string[]) => sums.lacking(keys);

/** Sums rows. */
export const add = (rows: readonly StoredRow[]) => sums.add(rows);

/** The groups of models; undefined where the row of one is not there. */
export const groups = (models: readonly KeyedModel[]) => sums.groups(models);

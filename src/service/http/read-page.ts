import { present } from '../../formats/present.js';
import type { PageRequest } from '../../store/database/page.js';

const DEFAULT_LIMIT = 50;

/** `limit` and `cursor` of a query that the validator has passed. */
export function readPage(query: object): PageRequest {
  const { limit, cursor } = query as { limit?: number | string; cursor?: string };
  return {
    limit: limit === undefined ? DEFAULT_LIMIT : Number(limit),
    ...present({ cursor }),
  };
}

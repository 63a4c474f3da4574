import { setImmediate as turn } from 'node:timers/promises';
import type { Queries } from './database.js';

/** Bytes of jsonb that one statement makes text of: the embedded database works in the thread of the service. */
const PART = 2 ** 17;

/** A jsonb column of the one row that a condition finds. */
export interface LargeColumn {
  /** `column from table where …`. */
  readonly source: string;
  readonly parameters: readonly unknown[];
}

/**
 * A jsonb value of any size: large values are read in parts, which yield to other work. The whole is
 * still unpacked for each part, a few milliseconds a megabyte.
 * @returns undefined if there is no row
 */
export async function readLargeJson(queries: Queries, column: LargeColumn): Promise<unknown> {
  const reader = new LargeJson(queries, column);
  return reader.read([]);
}

interface Part {
  readonly kind: string;
  readonly size: number;
  /** Of a list. */
  readonly length: number | null;
  /** Where it is small. */
  readonly value: unknown;
}

class LargeJson {
  readonly #queries: Queries;
  readonly #column: LargeColumn;

  constructor(queries: Queries, column: LargeColumn) {
    this.#queries = queries;
    this.#column = column;
  }

  /** @param path keys and positions that lead to a value */
  async read(path: readonly string[]): Promise<unknown> {
    const [found] = await this.#query<Part>(
      `select jsonb_typeof(value) as kind, size, case when jsonb_typeof(value) = 'array' then jsonb_array_length(value) end as length,
         case when size <= ${PART} or jsonb_typeof(value) not in ('array', 'object') then value end as value
       from (select value, pg_column_size(value) as size from part) as sized`,
      path,
    );
    if (!found) return undefined;
    const { kind, size, length } = found;
    if (size <= PART) return found.value;
    if (kind === 'array') return this.#list(path, size, length as number);
    return kind === 'object' ? this.#object(path) : found.value;
  }

  async #list(path: readonly string[], size: number, length: number): Promise<unknown[]> {
    const items: unknown[] = [];
    const step = Math.max(1, Math.floor((length * PART) / size));
    for (let from = 0; from < length; from += step) {
      const [{ size: bytes, value }] = await this.#query<Part>(
        `select size, case when size <= ${2 * PART} then value end as value from (
           select value, pg_column_size(value) as size from (
             select jsonb_path_query_array(value, '$[${from} to ${Math.min(from + step, length) - 1}]') as value from part
           ) as slice
         ) as sized`,
        path,
      );
      if (bytes <= 2 * PART) items.push(...(value as unknown[]));
      // Its items are unlike.
      else
        for (let at = from; at < Math.min(from + step, length); at++)
          items.push(await this.read([...path, String(at)]));
    }
    return items;
  }

  async #object(path: readonly string[]): Promise<object> {
    const sizes = await this.#query<{ key: string; size: number }>(
      'select key, pg_column_size(each.value) as size from part, jsonb_each(part.value) as each',
      path,
    );
    const entries = new Map<string, unknown>();
    for (const keys of runs(sizes)) {
      if (keys.length === 1) {
        entries.set(keys[0], await this.read([...path, keys[0]]));
        continue;
      }
      const found = await this.#query<{ key: string; value: unknown }>(
        `select key, each.value from part, jsonb_each(part.value) as each where key = any($${this.#next + 1})`,
        path,
        keys,
      );
      for (const { key, value } of found) entries.set(key, value);
    }
    return Object.fromEntries(entries);
  }

  /** Number of the parameter that is the path. */
  get #next(): number {
    return this.#column.parameters.length + 1;
  }

  async #query<T extends object>(
    statement: string,
    path: readonly string[],
    ...more: readonly unknown[]
  ): Promise<T[]> {
    await turn();
    const { source, parameters } = this.#column;
    return this.#queries.query<T>(
      `with whole (value) as (select ${source}), part as materialized (select value #> $${this.#next}::text[] as value from whole) ${statement}`,
      [...parameters, path, ...more],
    );
  }
}

/** Elements read in one query. */
function runs(sizes: readonly { readonly key: string; readonly size: number }[]): string[][] {
  const found: string[][] = [];
  let weight = Number.POSITIVE_INFINITY;
  for (const { key, size } of sizes) {
    if (weight + size > PART) {
      found.push([]);
      weight = 0;
    }
    found[found.length - 1].push(key);
    weight += size;
  }
  return found;
}

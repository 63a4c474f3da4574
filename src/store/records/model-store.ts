import type { FactFilter } from '../../leaderboard/fact-filter.js';
import type { ModelFacts } from '../../scoring/model/model-facts.js';
import type { Database, Queries } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import { newId } from '../database/new-id.js';
import {
  behind,
  type Page,
  type PageRequest,
  placeOf,
  type WeighedRow,
  weighedPage,
  weightOf,
} from '../database/page.js';
import { audit } from './audit-store.js';
import { type FactColumns, factCondition, factsIn } from './model-fact-columns.js';
import { asking, type Principal, seen } from './principal.js';
import {
  generousQuotas,
  type Quotas,
  requireRegistration,
  requireStorage,
  requireUploadQuota,
} from './quota.js';

/** Who may see a registration. */
export type Visibility = 'private' | 'group' | 'public';

/**
 * A registration of an ONNX file, or of a file of features (`ftr_…`, see {@link isFeatures}): the bytes are stored by digest,
 * everything else belongs to it.
 */
export interface ModelRecord {
  readonly id: string;
  readonly owner: string;
  /** Where it is seen with visibility `group`. */
  readonly group: string | null;
  /** `sha256:…` of the bytes. */
  readonly digest: string;
  readonly name: string;
  readonly visibility: Visibility;
  readonly size: number;
  /** The card as JSON; null if none was given. */
  readonly card: unknown;
  /** Summary of the graph check; of features of their layers. */
  readonly graph: unknown;
  /** What card and graph say that lists are filtered by. */
  readonly facts: ModelFacts;
  readonly createdAt: Date;
}

/** Whether the id of a registration is that of features in place of a network. */
export const isFeatures = (id: string): boolean => id.startsWith('ftr_');

/** What a registration is of. */
export type Registered = 'model' | 'features';

/** Fields of a new registration, except its owner. */
export type NewModel = Omit<ModelRecord, 'id' | 'owner' | 'facts' | 'createdAt'>;

/** What may change later. */
export type ModelChange = Partial<Pick<ModelRecord, 'name' | 'visibility' | 'group' | 'card'>>;

/** Called before a model is changed, in the same transaction; throwing prevents the change. */
export type Expect = (model: ModelRecord) => void;

interface ModelRow extends FactColumns {
  id: string;
  seq: number;
  owner: string;
  group_name: string | null;
  digest: string;
  name: string;
  visibility: Visibility;
  size: number;
  card: unknown;
  graph: unknown;
  record_bytes: number;
  created_at: Date;
}

const record = (row: ModelRow): ModelRecord => ({
  id: row.id,
  owner: row.owner,
  group: row.group_name,
  digest: row.digest,
  name: row.name,
  visibility: row.visibility,
  size: Number(row.size),
  card: row.card,
  graph: row.graph,
  facts: factsIn(row),
  createdAt: row.created_at,
});

const prefixes = { model: 'mdl', features: 'ftr' } as const;

const kindOf = (id: string): Registered => (isFeatures(id) ? 'features' : 'model');

/** A repository has a file for each of a few precisions. */
const MOST_OF_HUB = 100;

/** The table of registered models. */
export class ModelStore {
  readonly #database: Database;
  readonly #quotas: Quotas;

  constructor(database: Database, quotas = generousQuotas) {
    this.#database = database;
    this.#quotas = quotas;
  }

  /**
   * Registers bytes; `created` is false if their owner has them already (that registration is given).
   * @throws VentralError `quota-exceeded`, `storage-exceeded`
   * @param reservation that the bytes were received under
   */
  async register(
    by: Principal,
    model: NewModel,
    reservation?: string,
    of: Registered = 'model',
  ): Promise<{ model: ModelRecord; created: boolean }> {
    const made = await this.#database.transaction(async (queries) => {
      const row = await insert(queries, by, model, of);
      if (row) {
        await requireRegistration(queries, by, this.#quotas, reservation);
        const detail = { digest: row.digest, name: row.name, visibility: row.visibility };
        await audit(queries, by, { action: `${of}.create`, target: row.id, detail });
      }
      return row;
    });
    if (made) return { model: record(made), created: true };
    const found = await this.findOwn(by.owner, model.digest);
    return found ? { model: found, created: false } : this.register(by, model, reservation, of);
  }

  /** @throws what {@link register} would of another file, so that it need not be looked at */
  requireQuota(by: Principal, size: number, reservation?: string): Promise<void> {
    return this.#database.transaction((queries) =>
      requireUploadQuota(queries, by, this.#quotas, size, reservation),
    );
  }

  /** The registration of these bytes by an owner. */
  async findOwn(owner: string, digest: string): Promise<ModelRecord | undefined> {
    const [row] = await this.#database.query<ModelRow>(
      'select * from models where digest = $2 and owner = $1',
      [owner, digest],
    );
    return row && record(row);
  }

  /** An owner's registrations whose cards are of one repository of a model hub, at most `MOST_OF_HUB` of them. */
  async ofHub(owner: string, hub: string): Promise<ModelRecord[]> {
    const rows = await this.#database.query<ModelRow>(
      `select * from models where owner = $1 and card->'source'->>'hub' = $2 order by seq limit ${MOST_OF_HUB}`,
      [owner, hub],
    );
    return rows.map(record);
  }

  /** By id, or by digest: of several that may be seen, one's own, else the oldest. */
  async find(principal: Principal, idOrDigest: string): Promise<ModelRecord | undefined> {
    const column = idOrDigest.startsWith('sha256:') ? 'digest' : 'id';
    const [row] = await this.#database.query<ModelRow>(
      `select * from models where ${column} = $4 and ${seen('models')} order by (owner = $2) desc, seq limit 1`,
      [...asking(principal), idOrDigest],
    );
    return row && record(row);
  }

  /**
   * Newest first.
   * @param digest only registrations of these bytes
   * @param filter only models whose facts it lets through
   */
  async list(
    principal: Principal,
    page: PageRequest,
    digest?: string,
    of: Registered = 'model',
    filter: FactFilter = {},
  ): Promise<Page<ModelRecord>> {
    const { condition, values } = factCondition(filter, 9);
    const rows = await this.#database.query<WeighedRow>(
      `select id, created_at, ${weightOf('card')} + ${weightOf('graph')} as weight
       from models where ${behind('models', 4)} and ${seen('models')}
       and ($7::text is null or digest = $7) and starts_with(id, $8) and ${condition} order by seq desc limit $6`,
      [
        ...asking(principal),
        ...placeOf(page),
        page.limit + 1,
        digest ?? null,
        prefixes[of],
        ...values,
      ],
    );
    const read = (ids: readonly string[]) =>
      this.#database.query<ModelRow>(
        `select * from models where id = any($4) and ${seen('models')}`,
        [...asking(principal), ids],
      );
    return weighedPage(rows, page.limit, read, record);
  }

  /**
   * Changes what is given; undefined where there is no such model.
   * @throws VentralError `storage-exceeded` where it grows beyond what its owner may store
   * @param expect looks at what is there, and throws where it is not to be changed
   */
  change(
    by: Principal,
    id: string,
    change: ModelChange,
    expect: Expect = () => {},
  ): Promise<ModelRecord | undefined> {
    const { name, visibility, group, card } = change;
    return this.#database.transaction(async (queries) => {
      const [before] = await queries.query<ModelRow>(
        'select * from models where id = $1 for update',
        [id],
      );
      if (before) expect(record(before));
      const [row] = await queries.query<ModelRow>(
        `update models set name = coalesce($2, name), visibility = coalesce($3, visibility),
         group_name = coalesce($4, group_name), card = coalesce($5, card)
         where id = $1 returning *`,
        [id, name ?? null, visibility ?? null, group ?? null, jsonText(card)],
      );
      if (!row) return undefined;
      if (by.role !== 'admin' && row.record_bytes > before.record_bytes)
        await requireStorage(queries, row.owner, this.#quotas.storage);
      const detail = { name, visibility, group, ...(card ? { card: true } : {}) };
      await audit(queries, by, { action: `${kindOf(id)}.change`, target: id, detail });
      return record(row);
    });
  }

  /** Forgets a registration; its scores stay. */
  remove(by: Principal, id: string, expect: Expect = () => {}): Promise<boolean> {
    return this.#database.transaction(async (queries) => {
      const [row] = await queries.query<ModelRow>('delete from models where id = $1 returning *', [
        id,
      ]);
      if (!row) return false;
      expect(record(row));
      const detail = { digest: row.digest, name: row.name, owner: row.owner };
      await audit(queries, by, { action: `${kindOf(id)}.delete`, target: id, detail });
      return true;
    });
  }

  /** Whether any registration, checkpoint or open job needs these bytes. */
  async needsBytes(digest: string): Promise<boolean> {
    const rows = await this.#database.query(
      `select from models where digest = $1
       union all select from checkpoints where digest = $1
       union all select from jobs where digest = $1 and state in ('queued', 'running') limit 1`,
      [digest],
    );
    return rows.length > 0;
  }

  /** Digests that some registration, checkpoint or open job needs. */
  async neededDigests(): Promise<Set<string>> {
    const rows = await this.#database.query<{ digest: string }>(
      `select digest from models union select digest from checkpoints
       union select digest from jobs where state in ('queued', 'running')`,
    );
    return new Set(rows.map((row) => row.digest));
  }
}

async function insert(
  queries: Queries,
  { owner }: Principal,
  { digest, name, visibility, group, size, card, graph }: NewModel,
  of: Registered,
): Promise<ModelRow | undefined> {
  const [row] = await queries.query<ModelRow>(
    `insert into models (id, owner, digest, name, visibility, group_name, size, card, graph)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (digest, owner) do nothing returning *`,
    [
      newId(prefixes[of]),
      ...[owner, digest, name, visibility, group, size],
      ...[card, graph].map(jsonText),
    ],
  );
  return row;
}

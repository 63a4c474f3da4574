import type { Database } from './database.js';
import { jsonText } from './json-text.js';
import { newId } from './new-id.js';
import { type Page, type PageRequest, pageOf, startOf } from './page.js';
import { asking, type Principal, seen } from './principal.js';

/** Who may see a registration. */
export type Visibility = 'private' | 'group' | 'public';

/** A registration of an ONNX file: the bytes are stored by digest, everything else belongs to it. */
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
  /** The card as JSON; null where none was given. */
  readonly card: unknown;
  /** Summary of the graph check. */
  readonly graph: unknown;
  readonly createdAt: Date;
}

/** What a registration is made of. */
export type NewModel = Omit<ModelRecord, 'id' | 'createdAt'>;

/** What may change later. */
export type ModelChange = Partial<Pick<ModelRecord, 'name' | 'visibility' | 'group' | 'card'>>;

interface ModelRow {
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
  createdAt: row.created_at,
});

/** The table of registered models. */
export class ModelStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Registers bytes; `created` is false where their owner has them already (that registration is given). */
  async register(model: NewModel): Promise<{ model: ModelRecord; created: boolean }> {
    const { owner, digest, name, visibility, group, size } = model;
    const [row] = await this.#database.query<ModelRow>(
      `insert into models (id, owner, digest, name, visibility, group_name, size, card, graph)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (digest, owner) do nothing returning *`,
      [
        newId('mdl'),
        ...[owner, digest, name, visibility, group, size],
        ...[model.card, model.graph].map(jsonText),
      ],
    );
    if (row) return { model: record(row), created: true };
    const found = await this.findOwn(owner, digest);
    return found ? { model: found, created: false } : this.register(model);
  }

  /** The registration of these bytes by an owner. */
  async findOwn(owner: string, digest: string): Promise<ModelRecord | undefined> {
    const [row] = await this.#database.query<ModelRow>(
      'select * from models where digest = $2 and owner = $1',
      [owner, digest],
    );
    return row && record(row);
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

  /** Newest first. */
  async list(principal: Principal, page: PageRequest): Promise<Page<ModelRecord>> {
    const rows = await this.#database.query<ModelRow>(
      `select * from models where seq < $4 and ${seen('models')} order by seq desc limit $5`,
      [...asking(principal), startOf(page), page.limit + 1],
    );
    return pageOf(rows, page.limit, record);
  }

  /** Changes what is given; undefined where there is no such model. */
  async change(id: string, change: ModelChange): Promise<ModelRecord | undefined> {
    const [row] = await this.#database.query<ModelRow>(
      `update models set name = coalesce($2, name), visibility = coalesce($3, visibility),
       group_name = coalesce($4, group_name), card = coalesce($5, card)
       where id = $1 returning *`,
      [
        id,
        change.name ?? null,
        change.visibility ?? null,
        change.group ?? null,
        jsonText(change.card),
      ],
    );
    return row && record(row);
  }

  /** Forgets a registration; its scores stay. */
  async remove(id: string): Promise<boolean> {
    const rows = await this.#database.query('delete from models where id = $1 returning id', [id]);
    return rows.length > 0;
  }

  /** Whether any registration or open job needs these bytes. */
  async needsBytes(digest: string): Promise<boolean> {
    const rows = await this.#database.query(
      `select from models where digest = $1
       union all select from jobs where digest = $1 and state in ('queued', 'running') limit 1`,
      [digest],
    );
    return rows.length > 0;
  }

  /** Digests that some registration or open job needs. */
  async neededDigests(): Promise<Set<string>> {
    const rows = await this.#database.query<{ digest: string }>(
      `select digest from models union select digest from jobs where state in ('queued', 'running')`,
    );
    return new Set(rows.map((row) => row.digest));
  }
}

import type { Database } from './database.js';
import { jsonText } from './json-text.js';
import { newId } from './new-id.js';
import { type Page, type PageRequest, pageOf, startOf } from './page.js';

/** Who may see a registration. */
export type Visibility = 'private' | 'group' | 'public';

/** A registration of an ONNX file: the bytes are stored by digest, everything else belongs to it. */
export interface ModelRecord {
  readonly id: string;
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
export type NewModel = Pick<
  ModelRecord,
  'digest' | 'name' | 'visibility' | 'size' | 'card' | 'graph'
>;

/** What may change later. */
export type ModelChange = Partial<Pick<ModelRecord, 'name' | 'visibility' | 'card'>>;

interface ModelRow {
  id: string;
  seq: number;
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

  /** Registers bytes; `created` is false where they are registered already (that registration is given). */
  async register(model: NewModel): Promise<{ model: ModelRecord; created: boolean }> {
    const { digest, name, visibility, size } = model;
    const [row] = await this.#database.query<ModelRow>(
      `insert into models (id, digest, name, visibility, size, card, graph) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (digest) do nothing returning *`,
      [newId('mdl'), digest, name, visibility, size, jsonText(model.card), jsonText(model.graph)],
    );
    if (row) return { model: record(row), created: true };
    const found = await this.find(digest);
    return found ? { model: found, created: false } : this.register(model);
  }

  /** By id or by digest. */
  async find(idOrDigest: string): Promise<ModelRecord | undefined> {
    const column = idOrDigest.startsWith('sha256:') ? 'digest' : 'id';
    const [row] = await this.#database.query<ModelRow>(
      `select * from models where ${column} = $1`,
      [idOrDigest],
    );
    return row && record(row);
  }

  /** Newest first. */
  async list(page: PageRequest): Promise<Page<ModelRecord>> {
    const rows = await this.#database.query<ModelRow>(
      'select * from models where seq < $1 order by seq desc limit $2',
      [startOf(page), page.limit + 1],
    );
    return pageOf(rows, page.limit, record);
  }

  /** Changes what is given; undefined where there is no such model. */
  async change(id: string, change: ModelChange): Promise<ModelRecord | undefined> {
    const [row] = await this.#database.query<ModelRow>(
      `update models set name = coalesce($2, name), visibility = coalesce($3, visibility), card = coalesce($4, card)
       where id = $1 returning *`,
      [id, change.name ?? null, change.visibility ?? null, jsonText(change.card)],
    );
    return row && record(row);
  }

  /** Forgets a registration; its scores stay. */
  async remove(id: string): Promise<boolean> {
    const rows = await this.#database.query('delete from models where id = $1 returning id', [id]);
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

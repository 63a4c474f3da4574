import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { zipStream } from '../../formats/zip.js';
import { type Assembly, writeAssembly } from '../assembly.js';
import { type CatalogEntry, catalog } from '../catalog.js';
import { type DataImport, importRecords, isThere, namesIn, placeFile } from '../data-folder.js';
import { sha1Of } from '../file-sha1.js';
import type { Cell, MadeOf, Outputs, Picture } from './converter.js';
import type { Publication } from './publication.js';

const DAY_MS = 24 * 3600_000;

/** A file that was made, and where it is now. */
export interface MadeFile extends MadeOf {
  readonly path: string;
}

/**
 * Runs a conversion in a folder of its own under HOME/data. Its files get their names only when all of them are
 * whole: HOME/data/<sha1>/<file>, with `import.json` beside each, as a file that a user gives has.
 */
export class ConvertedFiles implements Outputs {
  readonly #home: string;
  readonly #publication: Publication;
  readonly #entries: readonly CatalogEntry[];
  readonly #folder: string;
  readonly #made: MadeFile[] = [];

  private constructor(home: string, publication: Publication, entries: readonly CatalogEntry[]) {
    this.#home = home;
    this.#publication = publication;
    this.#entries = entries;
    this.#folder = join(home, 'data', `.convert-${randomBytes(6).toString('hex')}`);
  }

  /**
   * What `convert` makes, placed.
   * @param entries those of the catalog that are made from the publication
   * @throws what `convert` throws, `disk-full`; nothing is left then
   */
  static async make(
    {
      home,
      publication,
      entries = catalog(),
    }: {
      readonly home: string;
      readonly publication: Publication;
      readonly entries?: readonly CatalogEntry[];
    },
    convert: (outputs: Outputs) => Promise<void>,
  ): Promise<MadeFile[]> {
    const files = new ConvertedFiles(home, publication, entries);
    try {
      await mkdir(files.#folder, { recursive: true });
      await sweep(join(home, 'data'));
      await convert(files);
      const placed: MadeFile[] = [];
      for (const made of files.#made) placed.push(await files.#place(made));
      return placed;
    } catch (error) {
      throw VentralError.from(error);
    } finally {
      await rm(files.#folder, { recursive: true, force: true });
    }
  }

  async table(
    of: MadeOf,
    header: readonly string[],
    rows: Iterable<readonly Cell[]>,
  ): Promise<void> {
    await this.#write(of, (path) => pipeline(lines(header, rows), createWriteStream(path)));
  }

  async assembly(of: MadeOf, assembly: Assembly): Promise<void> {
    // Packing at level 9 takes longer than all else.
    await this.#write(of, (path) => writeAssembly(path, assembly));
  }

  async pictures(of: MadeOf, pictures: Iterable<Picture> | AsyncIterable<Picture>): Promise<void> {
    const stored = async function* () {
      for await (const { name, data } of pictures) yield { name, data, compress: false };
    };
    await this.#write(of, (path) => pipeline(zipStream(stored()), createWriteStream(path)));
  }

  async copy(of: MadeOf, from: string): Promise<void> {
    await this.#write(of, (path) => copyFile(from, path));
  }

  async #write(of: MadeOf, write: (path: string) => Promise<void>): Promise<void> {
    const path = join(this.#folder, this.#name(of));
    await write(path);
    this.#made.push({ ...of, path });
  }

  /** Name of a file in the catalog, which says what is made of a publication. */
  #name({ identifier, kind, role }: MadeOf): string {
    const entry = this.#entries.find(
      (one) =>
        one.identifier === identifier &&
        one.kind === kind &&
        one.converted?.publication === this.#publication.name,
    );
    const file = entry?.converted?.files.find((one) => one.role === role);
    if (file) return file.file;
    throw new RangeError(`${this.#publication.name} makes no ${role} of the ${kind} ${identifier}`);
  }

  async #place({ path, ...of }: MadeFile): Promise<MadeFile> {
    const sha1 = await sha1Of(path);
    const target = join(this.#home, 'data', sha1, basename(path));
    await mkdir(dirname(target), { recursive: true });
    if (!(await isThere(target)) || (await sha1Of(target)) !== sha1) await placeFile(path, target);
    const record: DataImport = {
      ...of,
      file: basename(path),
      sha1,
      publication: this.#publication.name,
      importedAt: new Date().toISOString(),
    };
    const note = join(this.#folder, 'import.json');
    await writeFile(note, `${JSON.stringify(record)}\n`);
    await placeFile(note, join(dirname(target), 'import.json'));
    await this.#replaceOlder(record);
    return { ...of, path: target };
  }

  /** Removes what an earlier conversion made in the place of a file: netCDF bears the time, so that its bytes differ. */
  async #replaceOlder({ identifier, kind, role, sha1, publication }: DataImport): Promise<void> {
    for (const other of await importRecords(this.#home)) {
      const same = other.identifier === identifier && other.kind === kind && other.role === role;
      if (same && other.publication === publication && other.sha1 !== sha1)
        await rm(join(this.#home, 'data', other.sha1), { recursive: true, force: true });
    }
  }
}

/** Removes what conversions left behind that were killed more than a day ago. */
async function sweep(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!name.startsWith('.convert-')) continue;
    const { mtimeMs } = await stat(join(folder, name));
    if (Date.now() - mtimeMs > DAY_MS) await rm(join(folder, name), { recursive: true });
  }
}

/** Lines of a table, gathered to blocks; cells are quoted as RFC 4180 says. */
function* lines(header: readonly string[], rows: Iterable<readonly Cell[]>): Generator<string> {
  let block = lineOf(header);
  for (const row of rows) {
    block += lineOf(row);
    if (block.length < 2 ** 16) continue;
    yield block;
    block = '';
  }
  yield block;
}

const lineOf = (row: readonly Cell[]) => `${row.map(cellText).join(',')}\n`;

function cellText(cell: Cell): string {
  if (cell === null || (typeof cell === 'number' && Number.isNaN(cell))) return '';
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

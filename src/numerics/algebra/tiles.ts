/**
 * A square matrix as tiles on and below the diagonal, kept wherever the store puts them: all that a symmetric or lower
 * triangular matrix needs. All tiles have `size` rows and columns, but those at the end.
 */
export interface Tiles {
  /** Row-major values of a tile that was written; the caller may not change them. */
  read(row: number, col: number): Promise<Float64Array>;
  /** Keeps a tile; the caller may not change the values afterwards. */
  write(row: number, col: number, values: Float64Array): Promise<void>;
  /** Forgets all tiles. */
  close(): void;
}

/** A matrix in tiles. */
export interface TiledMatrix {
  readonly order: number;
  readonly size: number;
  readonly tiles: Tiles;
}

/** Tiles along one side. */
export const tileCount = ({ order, size }: Pick<TiledMatrix, 'order' | 'size'>): number =>
  Math.ceil(order / size);

/** First row of a tile, and the one after its last. */
export const tileBounds = (
  { order, size }: Pick<TiledMatrix, 'order' | 'size'>,
  index: number,
): readonly [from: number, to: number] => [index * size, Math.min(order, (index + 1) * size)];

/** Bytes of all tiles of a matrix. */
export function tileBytes({ order, size }: Pick<TiledMatrix, 'order' | 'size'>): number {
  const count = Math.ceil(order / size);
  return (8 * size ** 2 * count * (count + 1)) / 2;
}

/** Tiles in memory. */
export class MemoryTiles implements Tiles {
  readonly #kept = new Map<string, Float64Array>();

  async read(row: number, col: number): Promise<Float64Array> {
    const values = this.#kept.get(`${row} ${col}`);
    if (!values) throw new RangeError(`no tile ${row}, ${col} was written`);
    return values;
  }

  async write(row: number, col: number, values: Float64Array): Promise<void> {
    this.#kept.set(`${row} ${col}`, values);
  }

  close(): void {
    this.#kept.clear();
  }
}

import { quoted, quotedList } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import { csvRows, readCsv } from '../formats/csv.js';
import { present } from '../formats/present.js';
import { nanMean } from '../numerics/statistics/statistics.js';
import { type Coordinate, refuseUnknown } from './assembly.js';
import { idsOf, inferColumn, isNumberOrMissing, parseNumber } from './column.js';
import type { Id } from './ids.js';
import { binsOfStep, checkBins, rebinned, SLACK, type TimeBin } from './rebin.js';
import type { Recordings, RecordingsRequest } from './recordings.js';
import type { StimulusSet } from './stimulus-set.js';

/**
 * Recordings from a tidy CSV (design §4): stimulus_id, repetition, then one column a neuroid; an
 * empty cell is NaN. With time_bin_start and time_bin_end a row is one bin of a presentation. Rows are read one by one;
 * values are float64.
 */

/** Reads the recordings of a table; see readRecordings. */
export async function recordingsFromTable(request: RecordingsRequest): Promise<Recordings> {
  const { path } = request;
  let columns: TableColumns | undefined;
  const ids: string[] = [];
  const repetitions: string[] = [];
  const bins: TimeBin[] = [];
  const values = new GrowingValues();
  for await (const row of csvRows(path)) {
    if (columns === undefined) {
      columns = await tableColumns(row, request);
      continue;
    }
    ids.push(row[columns.id]);
    if (columns.repetition !== undefined) repetitions.push(row[columns.repetition]);
    if (columns.edges) bins.push(binOf(row, columns.edges, `${path} row ${ids.length}`));
    values.append(row, columns.neuroids, (cell, column) => {
      const where = `row ${ids.length}, ${columns?.header[column]}`;
      refuse(path, where, 'a number or an empty cell', `"${cell}" in ${where}`);
    });
  }
  if (columns === undefined || ids.length === 0)
    return refuse(path, 'rows', 'presentations', 'none');
  const repetition =
    columns.repetition === undefined ? undefined : repetitionIds(repetitions, path);
  const stimulusIds = stimulusIdsOf(ids, request.stimuli, path);
  refuseDuplicates(stimulusIds, repetition, bins, path);
  const { neuroidIds, animals, neuroidCoords } = columns;
  const whole = {
    stimulusIds,
    ...present({ repetition }),
    neuroidIds,
    ...present({ animals, neuroidCoords }),
    values: values.take(),
  };
  return columns.edges ? overBins(whole, bins, request) : whole;
}

/** Values beyond which half of all bins of presentations must have a row: where bins differ, they are the square of the file. */
const MOST_SPARSE = 2 ** 24;

/** Recordings whose rows are bins of presentations, as one row a presentation. */
function overBins(
  rows: Recordings & { readonly values: Float64Array },
  bins: readonly TimeBin[],
  request: RecordingsRequest,
): Recordings {
  const { path, timeStep } = request;
  const { stimulusIds, repetition, neuroidIds, animals, neuroidCoords } = rows;
  const source = [...new Map(bins.map((bin) => [bin.join(), bin])).values()].sort(
    ([a, b], [c, d]) => a - c || b - d,
  );
  checkBins(source, path);
  const binOfRow = new Map(source.map((bin, i) => [bin.join(), i]));
  const known = new Map<string, number>();
  const firstRows: number[] = [];
  const presentationOf = stimulusIds.map((id, row) => {
    const key = `${id}\0${repetition?.[row] ?? ''}`;
    const presentation = known.get(key) ?? known.size;
    if (known.size === presentation) firstRows.push(row);
    known.set(key, presentation);
    return presentation;
  });
  const width = neuroidIds.length;
  const cells = known.size * source.length;
  if (cells * width > MOST_SPARSE && cells > 2 * bins.length)
    refuse(
      path,
      'time_bin_start',
      'the same time bins in every presentation',
      `${bins.length} rows of ${known.size} presentations and ${source.length} time bins`,
    );
  const series = new Float64Array(known.size * width * source.length).fill(Number.NaN);
  presentationOf.forEach((presentation, row) => {
    const bin = binOfRow.get(bins[row].join()) as number;
    for (let k = 0; k < width; k++)
      series[(presentation * width + k) * source.length + bin] = rows.values[row * width + k];
  });
  const target = timeStep === undefined ? undefined : binsOfStep(source, timeStep, path);
  const values = target
    ? rebinned(series, source, target, path)
    : chosenBins(series, source, request);
  const each = values.length / (known.size * width);
  const repeated = <T>(of: readonly T[]) => of.flatMap((one) => Array<T>(each).fill(one));
  return {
    stimulusIds: firstRows.map((row) => stimulusIds[row]),
    ...(repetition ? { repetition: firstRows.map((row) => repetition[row]) } : {}),
    neuroidIds: repeated(neuroidIds),
    ...present({
      animals: animals && repeated(animals),
      neuroidCoords:
        neuroidCoords &&
        new Map(
          [...neuroidCoords].map(([name, coordinate]) => [
            name,
            { ...coordinate, values: repeated(coordinate.values as readonly (string | number)[]) },
          ]),
        ),
      timeBins: target,
    }),
    values,
  };
}

/** The bins that the request names: their mean, missing values left out, or each apart. */
function chosenBins(
  series: Float64Array,
  source: readonly TimeBin[],
  { path, timeBins, binsAsNeuroids }: RecordingsRequest,
): Float64Array {
  const windows = binsAsNeuroids ? [binsAsNeuroids] : timeBins;
  if (windows === undefined && source.length > 1)
    refuse(path, 'time_bins', '`time_bins` set', `a recording with ${source.length} time bins`);
  const within = ([start, end]: TimeBin) =>
    (windows ?? [[start, end]]).some(([from, to]) => start >= from - SLACK && end <= to + SLACK);
  const chosen = source.flatMap((bin, i) => (within(bin) ? i : []));
  if (chosen.length === 0) {
    const wanted = windows?.map(([from, to]) => `${from} to ${to}`).join(', ');
    const ends = [source[0][0], Math.max(...source.map(([, end]) => end))];
    refuse(path, 'time_bins', `time bins within ${wanted}`, `bins from ${ends.join(' to ')}`);
  }
  const each = binsAsNeuroids ? chosen.length : 1;
  const values = new Float64Array((series.length / source.length) * each);
  for (let row = 0; row < series.length / source.length; row++) {
    const own = chosen.map((bin) => series[row * source.length + bin]);
    if (binsAsNeuroids) values.set(own, row * each);
    else values[row] = nanMean(own);
  }
  return values;
}

/** The bin of a row. */
function binOf(
  row: readonly string[],
  [from, to]: readonly [number, number],
  where: string,
): TimeBin {
  const [start, end] = [parseNumber(row[from]), parseNumber(row[to])];
  if (start < end && Number.isFinite(end - start)) return [start, end];
  return refuse(
    where,
    'time_bin_start',
    'numbers time_bin_start < time_bin_end',
    `${quoted(row[from])} and ${quoted(row[to])}`,
  );
}

function refuse(path: string, field: string, expected: string, found: string): never {
  throw new VentralError('recordings-invalid', `${path}: ${expected} expected, ${found} found`, {
    file: path,
    field,
    expected,
    found,
  });
}

interface TableColumns {
  readonly header: readonly string[];
  readonly id: number;
  readonly repetition: number | undefined;
  /** Positions of the start and the end of the bin, where rows are bins. */
  readonly edges?: readonly [number, number];
  /** Positions of the neuroids that count, in column order. */
  readonly neuroids: readonly number[];
  readonly neuroidIds: readonly Id[];
  readonly animals?: readonly string[];
  readonly neuroidCoords?: ReadonlyMap<string, Coordinate>;
}

async function tableColumns(
  header: readonly string[],
  request: RecordingsRequest,
): Promise<TableColumns> {
  const { path, region, neuroids } = request;
  const id = header.indexOf('stimulus_id');
  if (id < 0) refuse(path, 'header', 'a column stimulus_id', quotedList(header));
  const repetition = header.indexOf('repetition');
  const edges = edgesOf(header, request);
  const all = header
    .map((_, i) => i)
    .filter((i) => i !== id && i !== repetition && !edges?.includes(i));
  if (all.length === 0) refuse(path, 'header', 'columns of neuroids', 'none');
  const ids = neuroidIdsOf(all.map((i) => header[i]));
  const known = neuroids === undefined ? undefined : await readNeuroids(neuroids);
  const rows =
    known &&
    all.map(
      (i) =>
        known.get(header[i]) ??
        refuse(path, 'header', `neuroids of ${neuroids}`, `a neuroid ${quoted(header[i])}`),
    );
  const isChosen = (n: number) =>
    region === undefined || rows === undefined || rows[n].region === region;
  const chosen = all.map((_, n) => n).filter(isChosen);
  if (chosen.length === 0) {
    const found = quotedList(new Set(rows?.map((row) => row.region)));
    refuse(neuroids ?? path, 'region', `neuroids in ${region}`, `neuroids in ${found}`);
  }
  return {
    header,
    id,
    repetition: repetition < 0 ? undefined : repetition,
    ...present({ edges }),
    neuroids: chosen.map((n) => all[n]),
    neuroidIds: chosen.map((n) => ids[n]),
    ...(rows?.some((row) => row.animal !== '')
      ? { animals: chosen.map((n) => rows[n].animal) }
      : {}),
    ...present({ neuroidCoords: neuroidCoords(request, rows, chosen) }),
  };
}

function edgesOf(
  header: readonly string[],
  { path, timeBins, binsAsNeuroids, timeStep }: RecordingsRequest,
): readonly [number, number] | undefined {
  const names = ['time_bin_start', 'time_bin_end'];
  const [start, end] = names.map((name) => header.indexOf(name));
  if (start >= 0 && end >= 0) return [start, end];
  if (start < 0 && end < 0 && !(timeBins ?? binsAsNeuroids ?? timeStep)) return undefined;
  return refuse(path, 'header', `columns ${names.join(' and ')}`, quotedList(header, 8));
}

/** The columns of the neuroid table that the request names, for the chosen neuroids. */
function neuroidCoords(
  { neuroidCoords: names = [], neuroids, path }: RecordingsRequest,
  rows: readonly NeuroidRow[] | undefined,
  chosen: readonly number[],
): ReadonlyMap<string, Coordinate> | undefined {
  if (names.length === 0) return undefined;
  return new Map(
    names.map((name) => {
      if (!rows || !neuroids)
        return refuse(path, name, `a table of neuroids with a column ${quoted(name)}`, 'none');
      const cells = rows.map(({ cells }) => cells.get(name));
      if (cells.some((cell) => cell === undefined))
        refuse(neuroids, 'header', `a column ${quoted(name)}`, quotedList(rows[0].cells.keys()));
      const { dtype, values } = inferColumn(name, cells as string[]);
      const of = chosen.map((n) => (values[n] === null && dtype === 'float64' ? NaN : values[n]));
      return [name, { dim: 'neuroid', dtype, values: of } as Coordinate] as const;
    }),
  );
}

/** Column names are integers only where that loses nothing of them. */
function neuroidIdsOf(names: readonly string[]): Id[] {
  return names.every((name) => String(Number(name)) === name && Number.isSafeInteger(Number(name)))
    ? names.map(Number)
    : [...names];
}

interface NeuroidRow {
  readonly region: string;
  readonly animal: string;
  /** By the name of the column. */
  readonly cells: ReadonlyMap<string, string>;
}

async function readNeuroids(path: string): Promise<Map<string, NeuroidRow>> {
  const { header, rows } = await readCsv(path);
  const [id, region, animal] = ['neuroid_id', 'region', 'animal'].map((name) =>
    header.indexOf(name),
  );
  if (id < 0 || region < 0) {
    refuse(path, 'header', 'columns neuroid_id and region', quotedList(header));
  }
  const neuroids = new Map<string, NeuroidRow>();
  for (const row of rows) {
    if (neuroids.has(row[id])) refuse(path, 'neuroid_id', 'unique ids', `${quoted(row[id])} twice`);
    neuroids.set(row[id], {
      region: row[region],
      animal: animal < 0 ? '' : row[animal],
      cells: new Map(header.map((name, i) => [name, row[i]])),
    });
  }
  return neuroids;
}

function repetitionIds(cells: readonly string[], path: string): Id[] {
  return idsOf(inferColumn('repetition', cells), path);
}

/** The ids in the form that the stimulus set gives them (its column decides whether they are integers). */
function stimulusIdsOf(cells: readonly string[], stimuli: StimulusSet, path: string): Id[] {
  const isInteger = stimuli.columns.get('stimulus_id')?.dtype === 'int64';
  const known = new Map(stimuli.ids.map((id) => [String(id), id]));
  const ids = cells.map((cell) =>
    known.get(isInteger && cell.trim() !== '' ? String(Number(cell)) : cell),
  );
  refuseUnknown(
    cells.filter((_, i) => ids[i] === undefined),
    stimuli,
    path,
  );
  return ids as Id[];
}

function refuseDuplicates(
  ids: readonly Id[],
  repetition: readonly Id[] | undefined,
  bins: readonly TimeBin[],
  path: string,
): void {
  const seen = new Set<string>();
  ids.forEach((id, row) => {
    const key = `${id}\0${repetition?.[row] ?? ''}\0${bins[row]?.join() ?? ''}`;
    if (seen.has(key)) {
      const which = repetition === undefined ? `${id}` : `${id}, repetition ${repetition[row]},`;
      refuse(
        path,
        'stimulus_id',
        `one row per stimulus and repetition${bins.length > 0 ? ' and bin of time' : ''}`,
        `${which} twice (row ${row + 1})`,
      );
    }
    seen.add(key);
  });
}

/** Numbers that arrive row by row, without knowing how many rows there are. */
class GrowingValues {
  #values = new Float64Array(1024);
  #length = 0;

  append(
    row: readonly string[],
    columns: readonly number[],
    refuseCell: (cell: string, column: number) => void,
  ): void {
    if (this.#length + columns.length > this.#values.length) {
      const larger = new Float64Array(2 * this.#values.length + columns.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    for (const column of columns) {
      const cell = row[column];
      const value = parseNumber(cell);
      if (!isNumberOrMissing(cell) || Math.abs(value) === Infinity) refuseCell(cell, column);
      this.#values[this.#length++] = value;
    }
  }

  take(): Float64Array {
    return this.#values.slice(0, this.#length);
  }
}

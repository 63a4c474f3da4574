import { quoted, quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { NetcdfFile } from '../../formats/netcdf.js';
import type { NetcdfVariable } from '../../formats/netcdf-content.js';

/** What a dimension of recordings counts. */
export type Role = 'stimulus' | 'repetition' | 'neuroid' | 'time';

/** Names by which labs call each, in lower case. */
const names: Readonly<Record<Role, readonly string[]>> = {
  stimulus: [
    ...['stimulus', 'stimuli', 'stimulus_id', 'stim', 'stim_id', 'image', 'images', 'image_id'],
    ...['img', 'picture', 'scene', 'condition', 'presentation'],
  ],
  repetition: [
    ...['repetition', 'repetitions', 'repeat', 'repeats', 'rep', 'reps', 'trial', 'trials'],
  ],
  neuroid: [
    ...['neuroid', 'neuroids', 'neuroid_id', 'unit', 'units', 'unit_id', 'neuron', 'neurons'],
    ...['neuron_id', 'cell', 'channel', 'channels', 'electrode', 'electrodes', 'site', 'sites'],
    ...['voxel', 'voxels', 'roi'],
  ],
  time: [
    ...['time', 'times', 'time_bin', 'time_bins', 'timebin', 'timepoint', 'time_point', 't', 'bin'],
    ...['bins'],
  ],
};

/** The place of each dimension among those of the variable; repetition and time may be absent. */
export type Dimensions = Readonly<Record<'stimulus' | 'neuroid', number>> &
  Readonly<Partial<Record<'repetition' | 'time', number>>>;

const invalid = (path: string, field: string, expected: string, found: string) =>
  new VentralError('recordings-invalid', `${path}: ${expected} expected, ${found} found`, {
    ...{ file: path, field, expected, found },
  });

/**
 * The variable that holds the recordings: the one named, else the only one of numbers over two dimensions or more
 * that is no coordinate.
 * @throws VentralError `recordings-invalid`
 */
export function recordingsVariable(file: NetcdfFile, wanted?: string): NetcdfVariable {
  const { variables, attributes } = file.root;
  const coordinates = new Set(
    [attributes, ...variables.map((variable) => variable.attributes)].flatMap((owner) =>
      String(owner.get('coordinates') ?? '').split(' '),
    ),
  );
  const able = variables.filter(
    ({ name, dims, dtype }) =>
      dims.length >= 2 && dtype !== undefined && dtype !== 'string' && !coordinates.has(name),
  );
  const found = able.length === 0 ? 'none' : quotedList(able.map(({ name }) => name));
  if (wanted !== undefined) {
    const named = able.find(({ name }) => name === wanted);
    if (named) return named;
    throw invalid(file.name, 'variable', `a variable ${quoted(wanted)} of numbers`, found);
  }
  if (able.length === 1) return able[0];
  const expected = 'one variable of numbers over two or more dimensions (or --variable)';
  throw invalid(file.name, 'variable', expected, found);
}

/**
 * Which dimension of a variable is what: those that are named, else those whose names are known. A dimension of
 * length 1 that is nothing is left out.
 * @throws VentralError `recordings-invalid`
 */
export function dimensionsOf(
  { name, dims, shape }: NetcdfVariable,
  given: Readonly<Partial<Record<Role, string>>>,
  path: string,
): Dimensions {
  const all = `${quoted(name)} over ${dims.map((dim, i) => `${quoted(dim)} (${shape[i]})`).join(' × ')}`;
  const roles = Object.keys(names) as Role[];
  const taken = new Map<number, Role>();
  for (const role of roles) {
    const dim = given[role];
    if (dim === undefined) continue;
    const place = dims.indexOf(dim);
    if (place < 0) throw invalid(path, role, `a dimension ${quoted(dim)}`, all);
    if (taken.has(place)) throw invalid(path, role, `${quoted(dim)} named once`, `named twice`);
    taken.set(place, role);
  }
  for (const role of roles) {
    if (given[role] !== undefined) continue;
    const known = dims.flatMap((dim, i) =>
      names[role].includes(dim.toLowerCase()) && !taken.has(i) ? [i] : [],
    );
    if (known.length > 1)
      throw invalid(path, role, `one dimension of ${role} (--${role}-dim names it)`, all);
    if (known.length === 1) taken.set(known[0], role);
  }
  const place = (role: Role) => [...taken].find(([, each]) => each === role)?.[0];
  const [stimulus, neuroid] = [place('stimulus'), place('neuroid')];
  if (stimulus === undefined) throw missing('stimulus', all, path);
  if (neuroid === undefined) throw missing('neuroid', all, path);
  const rest = dims.findIndex((_, i) => !taken.has(i) && shape[i] !== 1);
  if (rest >= 0) {
    const expected = `stimulus × repetition × neuroid × time (--stimulus-dim, --repetition-dim, --neuroid-dim, --time-dim name them)`;
    throw invalid(path, dims[rest], expected, all);
  }
  if (shape.includes(0)) throw invalid(path, name, 'values', all);
  const [repetition, time] = [place('repetition'), place('time')];
  return {
    ...{ stimulus, neuroid },
    ...(repetition === undefined ? {} : { repetition }),
    ...(time === undefined ? {} : { time }),
  };
}

function missing(role: 'stimulus' | 'neuroid', found: string, path: string): VentralError {
  const known = names[role].slice(0, 6).join(', ');
  return invalid(path, role, `a dimension of ${role} (${known}, … or --${role}-dim)`, found);
}

import type { UnitLayer } from '../../activations/unit-layer.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type FiringRates, firingRates, fitFiringRates } from '../../properties/firing-rates.js';
import type { Protocol } from '../../properties/protocol.js';
import { type PropertyTable, propertyTable, type Study } from '../../properties/study.js';
import type { Sweep } from '../../properties/sweep.js';

/** How a study reads a layer. */
interface Reading {
  readonly study: Study;
  readonly sweep: Sweep;
  readonly protocol: Protocol;
}

/** What was read from a layer, for as long as it is in use: several benchmarks read one property table. */
interface Read {
  readonly protocol: Protocol;
  readonly rates: FiringRates;
  readonly tables: Map<Study, { readonly sweep: Sweep; readonly table: PropertyTable }>;
}

const known = new WeakMap<UnitLayer, Read>();

/** The properties of a layer's units. Throws `units-too-few` where no unit can be measured. */
export function propertiesOf(units: UnitLayer, reading: Reading): PropertyTable {
  const { study, sweep, protocol } = reading;
  const before = known.get(units);
  const read =
    before?.protocol === protocol
      ? before
      : { protocol, rates: ratesOf(units, protocol), tables: new Map() };
  known.set(units, read);
  const kept = read.tables.get(study);
  if (kept?.sweep === sweep) return kept.table;
  const table = measured(units, reading, read.rates);
  read.tables.set(study, { sweep, table });
  return table;
}

/** Spikes per second from the activations of a layer. */
function ratesOf(units: UnitLayer, protocol: Protocol): FiringRates {
  if (units.seen.length === 0) throw noUnit(units, protocol);
  const phases = protocol.sweeps.get('orientation')?.levels[3].length ?? 1;
  const seen = Array.from(units.seen, (_, unit) => ({
    blank: rowOf(units, 0, unit)[0],
    orientation: gratingsOf(units, protocol, unit, 'orientation'),
  }));
  const rates = fitFiringRates(seen, phases);
  if (!Number.isFinite(rates.slope)) throw silent(units);
  return rates;
}

function measured(
  units: UnitLayer,
  { study, sweep, protocol }: Reading,
  rates: FiringRates,
): PropertyTable {
  function* responses() {
    for (let unit = 0; unit < units.seen.length; unit++) {
      const blank = rowOf(units, 0, unit).subarray(0, 1);
      const own =
        study.set === 'texture'
          ? inOrder(rowOf(units, 1, unit), sweep)
          : gratingsOf(units, protocol, unit, study.set);
      yield { rates: firingRates(own, rates), baseline: firingRates(blank, rates)[0] };
    }
  }
  const table = propertyTable(study, responses(), sweep);
  if (table.kept.length > 0) return table;
  throw new VentralError(
    'units-too-few',
    `None of the ${units.seen.length} units that see the stimulus exceeds 5 spikes/s in ${study.set}: the property has no distribution`,
    { field: 'layer', expected: 'a responsive unit', found: 'none' },
  );
}

function rowOf({ responses }: UnitLayer, set: number, unit: number) {
  const { data, cols } = responses[set];
  return data.subarray(unit * cols, (unit + 1) * cols);
}

/** Responses of a unit to the gratings of a study; the blank stands before the studies. */
function gratingsOf(units: UnitLayer, { sweeps, studies }: Protocol, unit: number, set: string) {
  const sweep = sweeps.get(set);
  const start = (sweep?.first ?? studies) - studies + 1;
  return rowOf(units, 0, unit).subarray(start, start + (sweep?.rows.length ?? 0));
}

const inOrder = (values: ArrayLike<number>, { rows }: Sweep) =>
  Float64Array.from(rows, (at) => values[at]);

function noUnit({ units }: UnitLayer, { stimulus }: Protocol): VentralError {
  return new VentralError(
    'units-too-few',
    `None of the layer's ${units} units has its receptive field within .15 degrees of the stimulus at (${stimulus.y}, ${stimulus.x}): the layer is too coarse, or sees another part of the image`,
    { field: 'layer', expected: 'a unit at the stimulus', found: 'none' },
  );
}

function silent({ seen }: UnitLayer): VentralError {
  return new VentralError(
    'units-too-few',
    `None of the ${seen.length} units that see the stimulus answers to a grating more than to the blank`,
    { field: 'layer', expected: 'a responsive unit', found: 'none' },
  );
}

import type { UnitLayer } from '../../activations/unit-layer.js';
import { VentralError } from '../../errors/ventral-error.js';
import { firingRates, fitFiringRates } from '../../properties/firing-rates.js';
import type { Protocol } from '../../properties/protocol.js';
import { type PropertyTable, propertyTable, type Study } from '../../properties/study.js';
import type { Sweep } from '../../properties/sweep.js';

/** The properties of a layer's units. Throws `units-too-few` where no unit can be measured. */
export function propertiesOf(
  units: UnitLayer,
  { study, sweep, protocol }: { study: Study; sweep: Sweep; protocol: Protocol },
): PropertyTable {
  const count = units.seen.length;
  if (count === 0) throw noUnit(units, protocol);
  const [gratings, textures] = units.responses;
  // The blank stands before the studies.
  const start = (set: string) =>
    (protocol.sweeps.get(set)?.first ?? protocol.studies) - protocol.studies + 1;
  const row = ({ data, cols }: (typeof units.responses)[number], unit: number) =>
    data.subarray(unit * cols, (unit + 1) * cols);
  const sizeOf = (set: string) => protocol.sweeps.get(set)?.rows.length ?? 0;
  const between = (unit: number, set: string) =>
    row(gratings, unit).subarray(start(set), start(set) + sizeOf(set));
  const phases = protocol.sweeps.get('orientation')?.levels[3].length ?? 1;
  const seen = Array.from({ length: count }, (_, unit) => ({
    blank: row(gratings, unit)[0],
    orientation: between(unit, 'orientation'),
  }));
  const rates = fitFiringRates(seen, phases);
  if (!Number.isFinite(rates.slope)) throw silent(units);
  const measured = seen.map(({ blank }, unit) => {
    const own = study.set === 'texture' ? row(textures, unit) : between(unit, study.set);
    const inOrder = study.set === 'texture' ? Float64Array.from(sweep.rows, (at) => own[at]) : own;
    return { rates: firingRates(inOrder, rates), baseline: firingRates([blank], rates)[0] };
  });
  const table = propertyTable(study, measured, sweep);
  if (table.kept.length > 0) return table;
  throw new VentralError(
    'units-too-few',
    `None of the ${count} units that see the stimulus exceeds 5 spikes/s in ${study.set}: the property has no distribution`,
    { field: 'layer', expected: 'a unit that answers', found: 'none' },
  );
}

function noUnit({ units }: UnitLayer, { stimulus }: Protocol): VentralError {
  return new VentralError(
    'units-too-few',
    `None of the layer's ${units} units has its receptive field within .15 degrees of the stimulus at (${stimulus.y}, ${stimulus.x}): the layer is too coarse, or sees elsewhere`,
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

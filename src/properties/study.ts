import type { Sweep } from './sweep.js';

/** The responses of one unit: spikes per second by condition in the order of the study's sweep, and without a stimulus. */
export interface UnitRates {
  readonly rates: Float64Array;
  readonly baseline: number;
}

/** Properties of the units that a study keeps. */
export interface PropertyTable {
  readonly columns: readonly string[];
  /** Positions, among the units given, of those that answer well enough. */
  readonly kept: readonly number[];
  /** kept × column; NaN where a unit has no such property. */
  readonly values: readonly (readonly number[])[];
}

/** A published study of single neurons, and how its properties are measured in a unit. */
export interface Study {
  /** The set of stimuli that it shows. */
  readonly set: 'orientation' | 'spatial_frequency' | 'size' | 'texture';
  readonly columns: readonly string[];
  /** A unit's properties by column; undefined where its best response does not exceed the threshold of 5 spikes/s. */
  read(unit: UnitRates, sweep: Sweep): readonly number[] | undefined;
}

/** Spikes per second that the best response of a kept unit exceeds. */
export const THRESHOLD = 5;

/** The properties of many units. */
export function propertyTable(
  study: Study,
  units: Iterable<UnitRates>,
  sweep: Sweep,
): PropertyTable {
  const kept: number[] = [];
  const values: (readonly number[])[] = [];
  let position = 0;
  for (const unit of units) {
    const read = study.read(unit, sweep);
    if (read) {
      kept.push(position);
      values.push(read);
    }
    position++;
  }
  return { columns: study.columns, kept, values };
}

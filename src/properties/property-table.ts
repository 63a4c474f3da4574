import { cavanaugh2002a, deValois1982b, schiller1976c } from './grating-studies.js';
import { deValois1982a, ringach2002 } from './orientation-studies.js';
import type { Study } from './study.js';
import { freemanZiemba2013 } from './texture-study.js';

/** The studies, by the names of their recorded data. */
export const studies = {
  Cavanaugh2002a: cavanaugh2002a,
  DeValois1982a: deValois1982a,
  DeValois1982b: deValois1982b,
  Schiller1976c: schiller1976c,
  Ringach2002: ringach2002,
  FreemanZiemba2013_V1_properties: freemanZiemba2013,
} as const satisfies Readonly<Record<string, Study>>;

/** Every property that can be measured, with the study that measures it. */
export const properties: ReadonlyMap<string, Study> = new Map(
  Object.values(studies).flatMap((study: Study) =>
    study.columns.map((column) => [column, study] as const),
  ),
);

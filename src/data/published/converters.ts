import type { Converter } from './converter.js';
import { cowley2023 } from './cowley2023.js';
import { geirhos2020 } from './geirhos2020.js';
import { henaff2021 } from './henaff2021.js';
import { jiang2021 } from './jiang2021.js';
import { karDemo } from './kar-demo.js';
import { peterson2019 } from './peterson2019.js';
import { algonauts2019, cichy2014, kriegeskorte2008 } from './rsa92.js';

/** Every converter by the name that the catalog gives it: one line each. */
const converters: Readonly<Record<string, Converter>> = {
  Henaff2021: henaff2021,
  Cowley2023: cowley2023,
  Jiang2021: jiang2021,
  KarDemo: karDemo,
  Kriegeskorte2008: kriegeskorte2008,
  Cichy2014: cichy2014,
  Algonauts2019: algonauts2019,
  Peterson2019: peterson2019,
  Geirhos2020: geirhos2020,
};

/**
 * The converter of a publication.
 * @throws RangeError for a name that no converter has
 */
export function converterNamed(name: string): Converter {
  if (Object.hasOwn(converters, name)) return converters[name];
  throw new RangeError(`there is no converter ${name}`);
}

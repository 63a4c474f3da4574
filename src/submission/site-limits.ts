import type { Region } from '../activations/card/card.js';

/** Most bytes of an archive that the site takes (spec §8.3). */
export const SITE_LIMIT = 50 * 2 ** 20;

/** Identifiers that hold this are refused by the site (spec §8.3). */
export const TUTORIAL = 'resnet50_tutorial';

/** Regions that a map of Brain-Score has, all of them (spec §5.9). */
export const REGIONS: readonly Region[] = ['V1', 'V2', 'V4', 'IT'];

/** Components of Brain-Score's regression: a layer with fewer units has no score (spec §1.5, §8.5). */
export const COMPONENTS = 25;

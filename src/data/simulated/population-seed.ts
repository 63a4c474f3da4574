/** Seed of what stays the same in every set of a generator: families, objects and units. */
export const populationSeed = 20261124;

/** Raised whenever a product, a statistic or a random stream of this room gives other bits than before. */
export const numericsVersion = 5;

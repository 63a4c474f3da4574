/** Where a shade of scores ends and the next begins: closer among low scores, where most models are. */
export const shadeBounds = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7] as const;

/** The shade of a score as it is shown, at three decimals, from 0 to 8: the classes `q0` to `q8` of the pages. */
export const shadeOf = (score: number): number =>
  shadeBounds.filter((bound) => Number(score.toFixed(3)) >= bound).length;

/**
 * Raised whenever this room gives a network other pixels than before: decoding, placing on the screen, resize, crop,
 * normalisation. It enters the inputs of every score and the keys of cached layers.
 */
export const screenVersion = 1;

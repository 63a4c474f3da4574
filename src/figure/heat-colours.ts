/** Light to dark blue, as even to the eye as nine steps are (ColorBrewer's Blues). */
const ramp = [
  [247, 251, 255],
  [222, 235, 247],
  [198, 219, 239],
  [158, 202, 225],
  [107, 174, 214],
  [66, 146, 198],
  [33, 113, 181],
  [8, 81, 156],
  [8, 48, 107],
] as const;

/** The colour of a share from 0 to 1 of what a column reaches, and a colour for the words on it. */
export function heatColour(share: number): { readonly fill: string; readonly words: string } {
  const place = Math.min(1, Math.max(0, share)) * (ramp.length - 1);
  const [below, part] = [Math.floor(place), place % 1];
  const above = Math.min(below + 1, ramp.length - 1);
  const parts = ramp[below].map((from, i) => Math.round(from + part * (ramp[above][i] - from)));
  const fill = `#${parts.map((each) => each.toString(16).padStart(2, '0')).join('')}`;
  // Both have a contrast of about 4.4 to one where they change, and more elsewhere.
  return { fill, words: share > 0.7 ? '#ffffff' : '#0c1218' };
}

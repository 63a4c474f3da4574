type Colour = readonly [red: number, green: number, blue: number];

/** Light to dark blue, as even to the eye as nine steps are (ColorBrewer's Blues). */
const ramp: readonly Colour[] = [
  [247, 251, 255],
  [222, 235, 247],
  [198, 219, 239],
  [158, 202, 225],
  [107, 174, 214],
  [66, 146, 198],
  [33, 113, 181],
  [8, 81, 156],
  [8, 48, 107],
];
const [dark, light]: readonly Colour[] = [
  [0, 0, 0],
  [255, 255, 255],
];

/**
 * The colour of a share from 0 to 1 of what a column reaches, and black or white for the words on it: a contrast of 4.5
 * to one and more.
 */
export function heatColour(share: number): { readonly fill: string; readonly words: string } {
  const place = Math.min(1, Math.max(0, share)) * (ramp.length - 1);
  const [below, part] = [Math.floor(place), place % 1];
  const above = ramp[Math.min(below + 1, ramp.length - 1)];
  const [red, green, blue] = ramp[below].map((from, i) =>
    Math.round(from + part * (above[i] - from)),
  );
  const fill: Colour = [red, green, blue];
  const words = contrast(dark, fill) >= contrast(light, fill) ? dark : light;
  return { fill: written(fill), words: written(words) };
}

const written = (colour: Colour): string =>
  `#${colour.map((each) => each.toString(16).padStart(2, '0')).join('')}`;

/** Of two colours (WCAG 2.2): from 1 to 21. */
function contrast(a: Colour, b: Colour): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((each) => {
    const share = each / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

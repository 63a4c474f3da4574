/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

// Sixteen equidistant samples of viridis (S. van der Walt and N. Smith, matplotlib, CC0).
const VIRIDIS: readonly Rgb[] = [
  '440154 481a6c 472f7d 414487 39568c 31688e 2a788e 23888e',
  '1f988b 22a884 35b779 54c568 7ad151 a5db36 d2e21b fde725',
].flatMap((line) => line.split(' ').map(fromHex));

function fromHex(hex: string): Rgb {
  const value = Number.parseInt(hex, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * Viridis at a share from 0 (dark) to 1 (light): perceptually uniform and safe for red-green blindness.
 */
export function viridis(share: number): Rgb {
  const at = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1);
  const below = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const [low, high] = [VIRIDIS[below], VIRIDIS[below + 1]];
  const mixed = (i: number) => Math.round(low[i] + (at - below) * (high[i] - low[i]));
  return [mixed(0), mixed(1), mixed(2)];
}

/** Position of a value between the ends of a scale, 0 to 1; 0 on a scale without extent. */
export function shareOf(value: number, [low, high]: readonly [number, number]): number {
  return high > low ? (value - low) / (high - low) : 0;
}

/** Black or white, whichever has more contrast with a colour (at least 4.5 to 1, WCAG 2.2). */
export function inkOn(colour: Rgb): Rgb {
  const luminance = relativeLuminance(colour);
  return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 ? [255, 255, 255] : [0, 0, 0];
}

/** Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2). */
export function relativeLuminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** A colour as `#rrggbb`. */
export function hex(colour: Rgb): string {
  return `#${colour.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

import type { Raster } from './picture.js';

/** How a card asks for a size. */
export interface SizeRule {
  /** Side in pixels. */
  readonly to: number;
  readonly mode: 'square' | 'short-side';
}

/**
 * Width and height after the resize of a card: `square` distorts to `to` × `to`, `short-side` is torchvision's `Resize(int)`, whose long side is truncated.
 */
export function targetSize(
  source: Pick<Raster, 'width' | 'height'>,
  rule: SizeRule,
): [number, number] {
  if (rule.mode === 'square') return [rule.to, rule.to];
  const { width, height } = source;
  const long = Math.trunc((rule.to * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? [rule.to, long] : [long, rule.to];
}

/** The axes of a clip: stimuli N, colours C, frames T, rows H, columns W. */
export type FrameLayout = (typeof frameLayouts)[number];

/** The axes of an input that takes images, or clips of them. */
export type InputLayout = 'NCHW' | 'NHWC' | FrameLayout;

export const frameLayouts = ['NCTHW', 'NTCHW', 'NTHWC'] as const;

/** Whether an input takes clips. */
export const isFrameLayout = (layout: InputLayout): layout is FrameLayout =>
  frameLayouts.some((each) => each === layout);

/** Sizes by axis in the order of a layout. */
export function inLayout<T>(
  layout: InputLayout,
  { N, C, T, H, W }: Readonly<Record<'N' | 'C' | 'T' | 'H' | 'W', T>>,
): T[] {
  const sizes: Readonly<Record<string, T>> = { N, C, T, H, W };
  return [...layout].map((axis) => sizes[axis]);
}

/** The layouts of clips that a shape of five axes may have: those with three colours, else those whose colours are free. */
export function frameReadings(dims: readonly (number | null)[]): FrameLayout[] {
  if (dims.length !== 5) return [];
  const of = (colours: number | null) =>
    frameLayouts.filter((layout) => dims[layout.indexOf('C')] === colours);
  const certain = of(3);
  return certain.length > 0 ? certain : of(null);
}

import type { Gradients, Parameter } from './optimizers.js';

/** Sharpness-aware minimisation (Foret et al. 2021), adaptive (Kwon et al. 2021) where that is said. */
export interface SharpnessOptions {
  /** Radius of the step uphill; with 0 every step is the base optimizer's, bit for bit. */
  readonly rho: number;
  readonly adaptive?: boolean;
}

/**
 * Moves parameters uphill, by rho along their gradients; adaptively by w²·g, each weight in proportion to
 * itself. The gradients of the next pass are then taken there.
 * @returns restores every weight bit for bit
 */
export function climb(
  parameters: readonly Parameter[],
  gradients: Gradients,
  { rho, adaptive = false }: SharpnessOptions,
): () => void {
  const moved = parameters.flatMap(({ name, values }) => {
    const gradient = gradients.get(name);
    return gradient ? [{ values, gradient, before: values.slice() }] : [];
  });
  let sum = 0;
  for (const { values, gradient } of moved) {
    for (let i = 0; i < values.length; i++)
      sum += (gradient[i] * (adaptive ? Math.abs(values[i]) : 1)) ** 2;
  }
  const scale = rho / (Math.sqrt(sum) + 1e-12);
  for (const { values, gradient } of moved) {
    for (let i = 0; i < values.length; i++)
      values[i] += scale * gradient[i] * (adaptive ? values[i] * values[i] : 1);
  }
  return () => {
    for (const { values, before } of moved) values.set(before);
  };
}

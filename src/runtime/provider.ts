import { VentralError } from '../errors/ventral-error.js';

/** Parts of the runtime that run operators, the CPU first; which are there depends on the machine and how the runtime was installed. */
export const providers = ['cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const;
export type Provider = (typeof providers)[number];

/** What may be asked for: a provider, or the first beside the CPU that gives its numbers and is quicker. */
export const askedProviders = ['cpu', 'auto', 'cuda', 'webgpu', 'coreml', 'dml'] as const;
export type AskedProvider = (typeof askedProviders)[number];

/**
 * Of what float32 is computed in: `tf32` where its products may be rounded to 10 bits (NVIDIA, on request), `unspecified` where
 * the device decides (CoreML may take float16).
 */
export type Precision = 'float32' | 'tf32' | 'unspecified';

/**
 * What ran a network in place of the CPU. Numbers depend on it, so it belongs to the inputs of a score and to every key of a
 * cache. The CPU has none: its inputs and keys are those of versions without providers.
 */
export type Execution = {
  readonly provider: Exclude<Provider, 'cpu'>;
  /** Name of the hardware, or of the driver where the runtime does not tell more. */
  readonly device: string;
  readonly precision: Precision;
};

/** A provider as it is asked for. */
export interface ProviderChoice {
  readonly provider: AskedProvider;
  /** Allows TF32 on NVIDIA's GPUs: products of float32 with 10 bits of mantissa. */
  readonly tf32?: boolean;
}

export const isProvider = (name: unknown): name is Provider =>
  providers.some((provider) => provider === name);

/** Printable, and no longer than a name is. */
const DEVICE = /^[\x20-\x7e]{1,200}$/;
const precisions: readonly unknown[] = ['float32', 'tf32', 'unspecified'] satisfies Precision[];

/** The execution that a provenance tells of; undefined for the CPU, and for what is none. */
export function executionOf(runtime: {
  readonly provider?: unknown;
  readonly device?: unknown;
  readonly precision?: unknown;
}): Execution | undefined {
  const { provider, device, precision } = runtime;
  if (!isProvider(provider) || provider === 'cpu') return undefined;
  if (typeof device !== 'string' || !DEVICE.test(device) || !precisions.includes(precision))
    return undefined;
  return { provider, device, precision: precision as Precision };
}

/** The choice that gives this execution again, where the device is the same. */
export function choiceOf(execution: Execution | undefined): ProviderChoice {
  if (!execution) return { provider: 'cpu' };
  const { provider, precision } = execution;
  return { provider, ...(precision === 'tf32' ? { tf32: true } : {}) };
}

/** An execution in a few words: `cuda (NVIDIA H100), tf32`. */
export const executionText = ({ provider, device, precision }: Execution): string =>
  `${provider} (${device})${precision === 'float32' ? '' : `, ${precision}`}`;

/** The refusal of a provider. */
export function unavailable(
  provider: Provider,
  found: string,
  {
    ready,
    install,
    cause,
  }: {
    readonly ready?: readonly Provider[];
    readonly install?: string | undefined;
    readonly cause?: unknown;
  } = {},
): VentralError {
  const has = ready ? `; this machine has ${ready.join(', ')}` : '';
  const how = install ? `; to install it: ${install}` : '';
  return new VentralError(
    'provider-unavailable',
    `The provider ${provider} cannot be used here: ${found}${has}${how}`,
    {
      ...{ field: 'provider', expected: provider, found },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

import type { Command } from 'commander';
import type { ProviderRequest } from '../../activations/provider/choose-provider.js';
import { didYouMean } from '../../errors/closest-names.js';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { visibleName } from '../../report/visible-name.js';
import { type AskedProvider, askedProviders } from '../../runtime/provider.js';

/** `--provider` and `--tf32` of the commands that run networks (docs/providers.md). */
export interface ProviderOptions {
  readonly provider: string;
  readonly tf32?: boolean;
}

const names = askedProviders.join(', ');

export const addProviderOptions = (command: Command): Command =>
  command
    .option('--provider <name>', `what runs the network: ${names}`, 'cpu')
    .option('--tf32', 'with cuda: allow TF32, 10 bits of mantissa in products');

/** `--provider` of a service and of a worker. */
export const offeredOption = [
  '--provider <name>',
  `what jobs may ask for beside the CPU: ${names} (all that works here)`,
  'cpu',
] as const;

/** @throws VentralError `bad-usage` */
export const offeredProvider = (command: Command): AskedProvider =>
  providerNamed(command.name(), command.opts<{ provider: string }>().provider, askedProviders);

/**
 * The name of a provider.
 * @throws VentralError `bad-usage` for none that is known
 */
export function providerNamed<T extends AskedProvider>(
  command: string,
  name: string,
  known: readonly T[],
): T {
  const found = known.find((each) => each === name);
  if (found !== undefined) return found;
  const expected = known.join(', ');
  throw new VentralError(
    'bad-usage',
    `${command} --provider: expected ${expected}, found ${quoted(name)}${didYouMean(name, known)}`,
    { field: '--provider', expected, found: name },
  );
}

/**
 * What the options ask for; nothing for the CPU.
 * @throws VentralError `bad-usage`
 */
export function providerRequest(
  command: string,
  { provider: name, tf32 }: ProviderOptions,
  say: (line: string) => void,
): ProviderRequest | undefined {
  const provider = providerNamed(command, name, askedProviders);
  if (tf32 && provider !== 'cuda' && provider !== 'auto')
    throw new VentralError(
      'bad-usage',
      `${command} --tf32: applies to --provider cuda, found ${provider}`,
      { field: '--tf32', expected: '--provider cuda', found: provider },
    );
  if (provider === 'cpu') return undefined;
  return { provider, ...present({ tf32 }), told: (sentence) => say(`${visibleName(sentence)}\n`) };
}

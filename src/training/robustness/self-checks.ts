import type { Threat } from '../attack/threat.js';
import { figure, type SelfCheck, type ThreatResult } from './robustness.js';

/**
 * Signs that gradients lead nowhere although images that fool the network are near (Athalye, Carlini and
 * Wagner 2018; Carlini et al. 2019, section 5): then figures of gradient attacks say nothing.
 */

/** Maximum share of examples that may resist an unbounded attack. */
const ABOUT_NOTHING = 0.01;
/** Share of a loss by which more steps may end lower. */
const SLACK = 0.05;

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const short = (value: number) => String(Number(value.toPrecision(4)));
const threatText = ({ norm, epsilon }: Threat): string => `${norm} ${short(epsilon)}`;

/** PGD-20 that may go anywhere in [0, 1] leaves about nothing. */
export function unboundedCheck(still: number, count: number): SelfCheck {
  const name = 'accuracy goes to about 0 as epsilon grows';
  if (count === 0) return nothing(name);
  const [low] = figure(still, count).interval;
  const found = `PGD-20 at Linf 1 left ${still} of ${count} examples that are named right`;
  return { name, passed: low <= ABOUT_NOTHING, found };
}

/** Mean losses of some examples: without attack, and after this many steps of PGD. */
export interface Losses {
  readonly clean: number;
  readonly one: number;
  readonly twenty: number;
  readonly hundred: number;
}

/** The loss rises, and more steps do not end lower. */
export function lossCheck(threat: Threat, losses: Losses, count: number): SelfCheck {
  const name = `loss rises with steps at ${threatText(threat)}`;
  if (count === 0) return nothing(name);
  const { clean, one, twenty, hundred } = losses;
  const least = (loss: number) => loss - SLACK * Math.abs(loss);
  const passed = hundred > clean && twenty >= least(one) && hundred >= least(twenty);
  const steps = `${short(one)} after PGD-1, ${short(twenty)} after PGD-20, ${short(hundred)} after PGD-100`;
  const found = `mean loss of ${count} examples ${short(clean)} without attack, ${steps}`;
  return { name, passed, found };
}

/**
 * The square attack, which sees no gradient, leaves no fewer examples than PGD on the cross-entropy, beyond the
 * interval of that; undefined if one of them was not asked for.
 */
export function blackBoxCheck(threat: ThreatResult): SelfCheck | undefined {
  const black = threat.attacks.find(({ attack }) => attack === 'square');
  const white = threat.attacks.filter(({ attack }) => attack.startsWith('pgd-')).at(-1);
  if (!black || !white) return undefined;
  const name = `no black-box attack beats PGD at ${threatText(threat)}`;
  const [low, high] = white.interval;
  const found = `Square left ${percent(black.accuracy)}, ${white.title.split(',')[0]} ${percent(white.accuracy)} (95 % interval ${percent(low)} to ${percent(high)})`;
  return { name, passed: black.accuracy >= low, found };
}

const nothing = (name: string): SelfCheck => ({
  name,
  passed: null,
  found: 'no example is named right without an attack',
});

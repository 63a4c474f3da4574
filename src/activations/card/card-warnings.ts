import type { ModelCard } from './card.js';

/** Something in a card that parses, and is most likely a mistake. */
export interface CardWarning {
  readonly code:
    | 'card-mean'
    | 'card-std'
    | 'card-precision'
    | 'card-degrees'
    | 'card-template'
    | 'card-input'
    | 'card-trials'
    | 'card-layer';
  readonly detail: string;
}

/** Name of a layer in a card that nobody completed. */
const PLACEHOLDER = 'NAME';
/** A mean or deviation below this share of `range` was measured on pixels of another range. */
const LEAST_SHARE = 0.02;
/** A deviation above so many times `range` makes every image the same. */
const MOST_SHARE = 5;
/** Degrees that networks are taken to span: Brain-Score's 8, and others' guesses. */
const DEGREES = { least: 1, most: 30 };

/**
 * What is most likely wrong in a card, each in a sentence that names field and value: statistics of another
 * pixel range, an improbable visual angle, placeholders of the template. None of it is refused, because a
 * network may be that unusual.
 */
export function cardWarnings(card: ModelCard): CardWarning[] {
  return [...normaliserWarnings(card), ...degreesWarnings(card), ...placeholderWarnings(card)];
}

function normaliserWarnings({ input: { mean, std, range } }: ModelCard): CardWarning[] {
  const warnings: CardWarning[] = [];
  const scale = `range ${range}, by which pixels run from 0 to ${range}`;
  const high = mean.find((value) => Math.abs(value) > range);
  const low = mean.find((value) => value !== 0 && Math.abs(value) < LEAST_SHARE * range);
  if (high !== undefined) {
    const hint =
      range <= 1 && high <= 255
        ? `: for a mean over pixels of 0 to 255 write range: 255, or mean: ${rounded(high / 255)}`
        : '';
    warnings.push({ code: 'card-mean', detail: `input.mean ${high} with ${scale}${hint}` });
  } else if (low !== undefined && range > 1) {
    warnings.push({
      code: 'card-mean',
      detail: `input.mean ${low} with ${scale}: for a mean over pixels of 0 to 1 write range: 1`,
    });
  }
  const wide = std.find((value) => value > MOST_SHARE * range);
  const narrow = std.find((value) => value !== 1 && value < LEAST_SHARE * range);
  if (wide !== undefined) {
    const hint = range <= 1 && wide <= 255 ? `, or std: ${rounded(wide / 255)}` : '';
    warnings.push({
      code: 'card-std',
      detail: `input.std ${wide} with ${scale}: all images become nearly the same; for pixels of 0 to 255 write range: 255${hint}`,
    });
  } else if (narrow !== undefined && range > 1) {
    warnings.push({
      code: 'card-std',
      detail: `input.std ${narrow} with ${scale}: for a deviation over pixels of 0 to 1 write range: 1`,
    });
  }
  return warnings;
}

const rounded = (value: number) => Number(value.toPrecision(3));

function degreesWarnings({ visual_degrees: degrees }: ModelCard): CardWarning[] {
  if (degrees >= DEGREES.least && degrees <= DEGREES.most) return [];
  return [
    {
      code: 'card-degrees',
      detail: `visual_degrees ${degrees}: networks are taken to span about 8 degrees, and stimuli are scaled by it (expected ${DEGREES.least} to ${DEGREES.most})`,
    },
  ];
}

function placeholderWarnings({ readout, region_layer_map: regions = {} }: ModelCard) {
  const named = [
    ...(readout === PLACEHOLDER ? ['readout'] : []),
    ...Object.entries(regions)
      .filter(([, layer]) => layer === PLACEHOLDER)
      .map(([region]) => `region_layer_map.${region}`),
  ];
  if (named.length === 0) return [];
  const warning: CardWarning = {
    code: 'card-template',
    detail: `${named.join(', ')}: still "${PLACEHOLDER}", as the template has it; give a layer, or leave the field out`,
  };
  return [warning];
}

/** Marks that the template leaves for a person, in the text of a card. */
const MARK = /^(?<indent>\s*)(?<key>[\w.-]+)\s*:.*#\s*TODO\b/;
/** Lines that are named one by one. */
const SHOWN = 8;

/**
 * The lines of a card that still bear the template's `# TODO`: they hold proposed values that nobody confirmed.
 * @param text the card as it is written
 */
export function unfinishedLines(text: string): CardWarning[] {
  const open = text.split('\n').flatMap((line, i) => {
    if (!line.includes('TODO')) return [];
    const key = MARK.exec(line)?.groups?.key;
    return key === undefined ? [] : `${key} (line ${i + 1})`;
  });
  if (open.length === 0) return [];
  const more = open.length > SHOWN ? ` and ${open.length - SHOWN} more` : '';
  return [
    {
      code: 'card-template',
      detail: `still marked # TODO, with the value that the template proposes: ${open.slice(0, SHOWN).join(', ')}${more}; check each, then remove its mark`,
    },
  ];
}

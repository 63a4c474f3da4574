import { createInterface } from 'node:readline/promises';
import { type Weights, weightsKinds } from '../../activations/card/card.js';
import type { CardHints, InputPreset } from '../../activations/card/card-template.js';
import { inputPresets } from '../../activations/card/card-template.js';
import type { CardDraft } from '../../activations/init-card.js';
import { closestNames } from '../../errors/closest-names.js';

/** Puts questions to a person. */
export interface Questions {
  say(text: string): void;
  /** The answer, trimmed; empty if a person does not know. */
  ask(question: string): Promise<string>;
}

/** Questions on stderr, answered on stdin; undefined if no person sits there. */
export function terminalQuestions(): Questions | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  let ended = false;
  return {
    say: (text) => void process.stderr.write(`${text}\n`),
    async ask(question) {
      if (ended) return '';
      const line = createInterface({ input: process.stdin, output: process.stderr });
      // Ctrl-D ends the input: every question that is left then stays open.
      const end = new Promise<undefined>((done) => line.once('close', () => done(undefined)));
      const answer = await Promise.race([line.question(question), end]);
      ended = answer === undefined;
      line.close();
      return answer?.trim() ?? '';
    },
  };
}

/** Asks for values that are not in the file; an empty answer leaves a field unset. */
export async function askCard({ hints }: CardDraft, questions: Questions): Promise<CardHints> {
  questions.say('The file does not store these values; press Enter to skip one.');
  const said = hints.input !== undefined;
  const preset = said ? undefined : await askPreset(questions);
  const size = said
    ? undefined
    : (hints.size ?? (await askNumber(questions, 'Side of the input in pixels: ', 8192)));
  const degrees = await askNumber(
    questions,
    'Degrees of visual angle that the input spans (Brain-Score uses 8): ',
    180,
  );
  const layers = hints.layers ?? [];
  const readout = await askLayer(questions, 'Layer that behaviour is read from: ', layers);
  const regions: Record<string, string> = {};
  for (const region of ['V1', 'V2', 'V4', 'IT']) {
    const layer = await askLayer(questions, `Layer for ${region}: `, layers);
    if (layer !== undefined) regions[region] = layer;
  }
  const weights = await askWeights(questions);
  return {
    ...hints,
    ...(preset && { preset }),
    ...(size && { size }),
    ...(degrees && { degrees }),
    ...(readout && { readout }),
    regions,
    ...(weights && { weights }),
  };
}

async function askWeights({ say, ask }: Questions): Promise<Weights | undefined> {
  const kinds: readonly string[] = weightsKinds;
  for (;;) {
    const answer = await ask(`Its weights (${kinds.join(', ')}): `);
    if (answer === '') return undefined;
    if (kinds.includes(answer)) return answer as Weights;
    say(`One of ${kinds.join(', ')}, or Enter`);
  }
}

async function askPreset({ say, ask }: Questions): Promise<InputPreset | undefined> {
  for (const [name, { says }] of Object.entries(inputPresets)) say(`  ${name}: ${says}`);
  for (;;) {
    const answer = await ask('Preprocessing: ');
    if (answer === '') return undefined;
    if (Object.hasOwn(inputPresets, answer)) return answer as InputPreset;
    say(`One of ${Object.keys(inputPresets).join(', ')}, or Enter`);
  }
}

async function askNumber(
  { say, ask }: Questions,
  question: string,
  most: number,
): Promise<number | undefined> {
  for (;;) {
    const answer = await ask(question);
    if (answer === '') return undefined;
    const number = Number(answer);
    if (number > 0 && number <= most) return number;
    say(`A number up to ${most}, or Enter`);
  }
}

async function askLayer(
  { say, ask }: Questions,
  question: string,
  layers: readonly string[],
): Promise<string | undefined> {
  for (;;) {
    const answer = await ask(question);
    if (answer === '') return undefined;
    if (layers.includes(answer)) return answer;
    const closest = closestNames(answer, layers);
    say(`No such layer${closest.length > 0 ? `; closest: ${closest.join(', ')}` : ''}`);
  }
}

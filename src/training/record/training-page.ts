import { stringify } from 'yaml';
import { type Html, html } from '../../report/html.js';
import { htmlPage } from '../../report/html-page.js';
import { named } from '../../report/map-page.js';
import { interval, threeDigits } from '../../report/map-text.js';
import { SIMULATED } from '../../report/simulated-words.js';
import { visibleName } from '../../report/visible-name.js';
import { BOUND } from '../attack/threat.js';
import { PIXELS, UNTRAINED } from '../recipe/recipe.js';
import { type EventOf, robustnessFigures, scoreFigure, stageFigures } from './training-curves.js';
import type { TrainingEvent } from './training-event.js';

/** What a page says of a run beside its events. */
export interface TrainingSummary {
  readonly name: string;
  /** The recipe with every default. */
  readonly recipe: object;
  /** Of ventral, the runtime and so on, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Of data, networks and the recipe, by name. */
  readonly digests: Readonly<Record<string, string>>;
}

const NAME_IN_TEXT = 120;

/**
 * A training as one self-contained HTML file: the curves of each stage, robust accuracy against epsilon, the
 * scores of each checkpoint beside those of the untrained network and of the pixels, every number as a table,
 * recipe and digests. The same run gives the same bytes, and every name in it is text.
 */
export function trainingPage(events: readonly TrainingEvent[], run: TrainingSummary): string {
  const of = <K extends TrainingEvent['kind']>(kind: K) =>
    events.filter((event): event is EventOf<K> => event.kind === kind);
  const name = visibleName(run.name, NAME_IN_TEXT);
  const body = html`<h1>Training of <bdi>${name}</bdi></h1>
${simulatedNote(of('score'))}
${stageParts(of('step'), of('epoch'), of('note'))}
${averagePart(of('average'))}
${robustnessPart(of('robustness'))}
${scorePart(of('score'))}
${comparisonPart(of('comparison'))}
<h2>Recipe</h2>
<p class="faint">With every default written out.</p>
<details><summary>The recipe as YAML</summary><div class="wide"><pre>${visibleLines(stringify(run.recipe))}</pre></div></details>
<h2>Versions and digests</h2>
<dl>${definitions(run.versions)}${definitions(run.digests)}</dl>`;
  return htmlPage(`Training of ${name}`, body);
}

/** Each line as a person may safely see it. */
const visibleLines = (text: string) =>
  text
    .split('\n')
    .map((line) => visibleName(line))
    .join('\n');

const definitions = (words: Readonly<Record<string, string>>) =>
  Object.entries(words).map(
    ([name, word]) =>
      html`<dt>${visibleName(name, NAME_IN_TEXT)}</dt><dd><code>${visibleName(word)}</code></dd>`,
  );

function simulatedNote(scores: readonly EventOf<'score'>[]): Html | false {
  const simulated = new Set(scores.filter((s) => s.simulated).map(({ benchmark }) => benchmark));
  if (simulated.size === 0) return false;
  return html`<p class="loud">Simulated: ${[...simulated].map((id) => visibleName(id)).join(', ')}. ${SIMULATED}</p>`;
}

const number = (label: string, text: string | number): Html =>
  html`<td class="number" data-label="${label}">${text}</td>`;

/** A table whose first column names its rows. */
function table(heads: readonly (string | Html)[], rows: readonly Html[]): Html {
  const [first, ...others] = heads;
  return html`<div class="wide cards"><table>
<thead><tr><th scope="col">${first}</th>${others.map((head) => html`<th scope="col" class="number">${head}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

function stageParts(
  steps: readonly EventOf<'step'>[],
  epochs: readonly EventOf<'epoch'>[],
  notes: readonly EventOf<'note'>[],
): Html[] {
  const stages = [...new Set([...steps, ...epochs].map(({ stage }) => stage))];
  return stages.map((stage) => {
    const own = epochs.filter((event) => event.stage === stage);
    const figures = stageFigures(
      steps.filter((event) => event.stage === stage),
      own,
    );
    const words = notes.filter((note) => note.stage === stage).map(({ text }) => text);
    return html`<h2>Stage ${named(stage)}</h2>
${words.map((text) => html`<p class="faint">${visibleName(text, 300)}</p>\n`)}
<div class="plots">${figures}</div>
${own.length > 0 && epochTable(own)}`;
  });
}

function epochTable(epochs: readonly EventOf<'epoch'>[]): Html {
  const rows = epochs.map(
    ({ epoch, loss, accuracy, validation, checkpoint }) =>
      html`<tr><th scope="row">${epoch}</th>${number('loss', digits(loss))}${number('accuracy', digits(accuracy))}${number('validation loss', digits(validation.loss))}${number('validation accuracy', digits(validation.accuracy))}${number('under attack', digits(validation.robustAccuracy))}<td class="names">${named(checkpoint)}</td></tr>\n`,
  );
  const heads = [
    'epoch',
    'loss',
    'accuracy',
    'validation loss',
    'validation accuracy',
    'validation under attack',
    'checkpoint',
  ];
  return html`<details><summary>Every epoch</summary>${table(heads, rows)}</details>`;
}

const digits = (value: number | undefined) =>
  value === undefined || !Number.isFinite(value) ? '–' : threeDigits(value);

function averagePart(averages: readonly EventOf<'average'>[]): Html[] {
  return averages.map(
    ({ stage, of, checkpoint }) =>
      html`<h2>Average ${named(stage)}</h2>
<p>${named(checkpoint)} is the mean of ${of.map((name, i) => html`${i > 0 && ', '}${named(name)}`)}.</p>
`,
  );
}

function robustnessPart(events: readonly EventOf<'robustness'>[]): Html | false {
  if (events.length === 0) return false;
  const rows = events.map(
    ({ checkpoint, norm, epsilon, attack, correct, count, interval: [low, high] }) =>
      html`<tr><th scope="row">${named(checkpoint)}</th>${number('norm', norm)}${number('epsilon', Number(epsilon.toPrecision(4)))}${number('attack', visibleName(attack))}${number('right', `${correct}/${count}`)}${number('share', threeDigits(correct / count))}${number('95 % interval', interval([low, high]))}</tr>\n`,
  );
  const heads = ['checkpoint', 'norm', 'epsilon', 'attack', 'right', 'share', '95 % interval'];
  return html`<h2>Robustness</h2>
<p class="faint">Examples that no attack turned, of the same ones throughout; bands are 95 % intervals (Clopper and Pearson). ${BOUND}</p>
<div class="plots">${robustnessFigures(events)}</div>
<details><summary>Every attack</summary>${table(heads, rows)}</details>`;
}

/** Pixels and the untrained network first, then stages as they came. */
function checkpointsOf(events: readonly EventOf<'score'>[]): string[] {
  const all = [...new Set(events.map(({ checkpoint }) => checkpoint))];
  const first = [PIXELS, UNTRAINED].filter((name) => all.includes(name));
  return [...first, ...all.filter((name) => !first.includes(name))];
}

function scorePart(events: readonly EventOf<'score'>[]): Html | false {
  if (events.length === 0) return false;
  const checkpoints = checkpointsOf(events);
  const benchmarks = [...new Set(events.map(({ benchmark }) => benchmark))].map((id) =>
    events.filter(({ benchmark }) => benchmark === id),
  );
  const heads = benchmarks.map(
    ([{ benchmark, simulated }]) =>
      html`${named(benchmark)}${simulated && html`<br><span class="tag">simulated</span>`}`,
  );
  const rows = checkpoints.map((checkpoint, i) => {
    const cells = benchmarks.map((scores) => scoreCell(scores, checkpoint));
    return html`<tr><th scope="row"><small>${i + 1}</small> ${named(checkpoint)}</th>${cells}</tr>\n`;
  });
  return html`<h2>Scores</h2>
<p class="faint">${named(UNTRAINED)} is the network before any training, ${named(PIXELS)} the image itself: the effect of training is the distance from them. Numbers of checkpoints are those of the table; × has no value.</p>
<div class="plots">${benchmarks.map((scores) => scoreFigure(scores, checkpoints, PIXELS))}</div>
${table(['checkpoint', ...heads], rows)}`;
}

function comparisonPart(events: readonly EventOf<'comparison'>[]): Html | false {
  if (events.length === 0) return false;
  const rows = events.map((event) => {
    const { measure, simulated, differences, mean, interval: ends } = event;
    const noise = ends[0] <= 0 && ends[1] >= 0;
    return html`<tr><th scope="row">${named(event.stage)} − ${named(event.with)}</th><td data-label="measure">${named(measure)}${simulated && html` <span class="tag">simulated</span>`}</td>${number('seeds', differences.length)}${number('difference', threeDigits(mean))}${number('95 % interval', interval([ends[0], ends[1]]))}<td data-label="verdict">${noise ? 'within noise' : ''}</td></tr>\n`;
  });
  const heads = ['stages', 'measure', 'seeds', 'mean difference', '95 % interval', ''];
  return html`<h2>Over seeds</h2>
<p class="faint">Both stages of a seed begin with the same weights; intervals are Student's t over the seeds.</p>
${table(heads, rows)}`;
}

function scoreCell(scores: readonly EventOf<'score'>[], checkpoint: string): Html {
  const [{ benchmark }] = scores;
  const score = scores.find((event) => event.checkpoint === checkpoint);
  const label = visibleName(benchmark, NAME_IN_TEXT);
  if (!score) return number(label, '–');
  const { value, ci, reason } = score;
  if (value === null)
    return html`<td data-label="${label}"><bdi>${visibleName(reason ?? '–', 300)}</bdi></td>`;
  const range = ci && html`<br><small>${interval([ci[0], ci[1]])}</small>`;
  return html`<td class="number" data-label="${label}">${threeDigits(value)}${range}</td>`;
}

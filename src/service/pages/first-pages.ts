import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type Html, html } from '../../report/html.js';
import { weightsWords } from '../../report/provenance-words.js';
import { shippedFacts } from '../../scoring/model/model-facts.js';
import { listBenchmarks } from '../../scoring/registry/registry.js';
import { jobSummary } from '../../store/jobs/job-summary.js';
import type { Principal } from '../../store/records/principal.js';
import type { ServiceContext } from '../registry/context.js';
import { originOf } from '../registry/leaderboard-benchmarks.js';
import type { LeaderboardService, TitledScore } from '../registry/leaderboard-service.js';
import { framed } from './frame.js';
import { firstLeaderboard } from './leaderboard-first.js';

/** The first HTML of a page: what it holds, for a slow line and for readers without scripts. */
export interface FirstPage {
  readonly status: 200 | 404;
  /** Of the window. */
  readonly title: string;
  readonly content: Html;
  /** Markup behind the content, such as data that the application goes on from. */
  readonly after?: string;
}

interface Content extends Omit<FirstPage, 'status'> {
  readonly status?: 404;
}

/** Pages that are the same for everybody: title, heading, and what they are for. */
const fixed: Readonly<Record<string, readonly [title: string, heading: string, words: string]>> = {
  '/': [
    'Leaderboard',
    'Leaderboard',
    'How brain-like each model is, benchmark by benchmark, with intervals and ranks.',
  ],
  '/compare': [
    'Compare',
    'Compare models',
    'Two to eight models side by side: differences with intervals, scatter, layer maps.',
  ],
  '/benchmarks': ['Benchmarks', 'Benchmarks', 'What models are scored on.'],
  '/submit': [
    'Submit',
    'Submit a model',
    'From an ONNX file to its first score: the file is checked, its card completed, benchmarks are chosen.',
  ],
  '/trainings': ['Trainings', 'Trainings', 'Recipes that train networks, and their curves.'],
  '/admin': ['Service', 'Service', 'State of the service, its queue and its workers.'],
};

/** What a page of one thing is called as long as nobody may be told more. */
const kinds: Readonly<Record<string, string>> = {
  models: 'Model',
  benchmarks: 'Benchmark',
  scores: 'Scores',
  'layer-maps': 'Layer map',
  trainings: 'Training',
};

/**
 * Makes the first HTML of pages.
 * @param description `openapi.yaml`
 */
export function firstPages(
  context: ServiceContext,
  leaderboard: LeaderboardService,
  description: object,
) {
  const board = firstLeaderboard(leaderboard, context.firstScoring, description);
  const contents: Readonly<Record<string, (principal: Principal, id: string) => Promise<Content>>> =
    {
      models: (principal, id) => modelPage(context, leaderboard, principal, id),
      benchmarks: (principal, id) => benchmarkPage(context, principal, id),
      scores: (principal, id) => jobPage(context, principal, id, 'score'),
      'layer-maps': (principal, id) => jobPage(context, principal, id, 'layer-map'),
    };
  const contentOf = async (path: string, address: URLSearchParams, principal: Principal) => {
    if (path === '/') return { title: 'Leaderboard', ...(await board(address)) };
    if (path === '/benchmarks') return benchmarksPage();
    const [, kind, id = ''] = path.split('/');
    return id === '' ? undefined : contents[kind]?.(principal, decoded(id));
  };
  /**
   * @param principal who is sure to be asking; what belongs to somebody is shown to nobody else
   * @returns at least title and heading, whatever fails
   */
  return async (
    path: string,
    address: URLSearchParams,
    principal: Principal | undefined,
  ): Promise<FirstPage> => {
    const found =
      principal &&
      (await contentOf(path, address, principal).catch((error) => {
        if (error instanceof VentralError && error.code === 'not-found')
          return { ...missing(error.message), status: 404 as const };
        context.log.warn({ err: error, path }, 'Rendering the first HTML failed');
        return undefined;
      }));
    const { content, status = 200, ...rest } = { status: undefined, ...(found ?? plainPage(path)) };
    return { ...rest, status, content: framed(path, content) };
  };
}

/** What stands on a page that is not there. */
export const missing = (words: string): Content => ({
  title: 'Page not found',
  content: html`<h1>Page not found</h1><p>${words}</p><p><a href="/">Back to the leaderboard</a>, <a href="/docs">documentation</a></p>`,
});

const scripts = html`<noscript><p>This page needs JavaScript.</p></noscript>`;

function plainPage(path: string): Content {
  const [title, heading, words] = fixed[path] ?? [];
  if (title !== undefined)
    return { title, content: html`<h1>${heading}</h1><p class="quiet">${words}</p>${scripts}` };
  const kind = kinds[path.split('/')[1]] ?? 'Page';
  return { title: kind, content: html`<h1>${kind}</h1>${scripts}` };
}

function benchmarksPage(): Content {
  const all = listBenchmarks();
  const list = (simulated: boolean) =>
    html`<ul>${all
      .filter((benchmark) => benchmark.simulated === simulated)
      .map(({ id }) => html`<li>${benchmarkLink(id)}</li>`)}</ul>`;
  return {
    title: 'Benchmarks',
    content: html`<h1>Benchmarks</h1><h2>Recorded</h2>${list(false)}<h2>Simulated</h2>${list(true)}`,
  };
}

async function modelPage(
  { store }: ServiceContext,
  leaderboard: LeaderboardService,
  principal: Principal,
  id: string,
): Promise<Content> {
  const facts = (await shippedFacts()).get(id);
  const model = facts ? { id, name: id, facts } : await store.models.find(principal, id);
  if (!model) throw new VentralError('not-found', `There is no model ${quoted(id)}`);
  const scores = [
    ...(await leaderboard.scoresOf(principal, model.id, false)),
    ...(await leaderboard.scoresOf(principal, model.id, true)),
  ];
  return {
    title: model.name,
    content: html`<h1><bdi>${model.name}</bdi>${chip(model.facts.weights)}</h1>${
      scores.length === 0
        ? html`<p>No scores yet.</p>`
        : html`<div class="scroll"><table><caption>Scores</caption><thead><tr><th scope="col">Benchmark</th><th scope="col" class="number">Score</th><th scope="col">95 % interval</th></tr></thead><tbody>${scores.map(scoreRow)}</tbody></table></div>`
    }`,
  };
}

const scoreRow = ({ benchmark, origin, value, ci }: TitledScore) =>
  html`<tr><th scope="row">${origin === 'uploaded' ? html`<bdi>${benchmark}</bdi>` : benchmarkLink(benchmark)} <span class="chip origin-${origin}">${origin}</span></th><td class="number">${digits(value)}</td><td>${ci && `[${ci.map(digits).join(', ')}]`}</td></tr>`;

async function benchmarkPage(
  { store }: ServiceContext,
  principal: Principal,
  id: string,
): Promise<Content> {
  const shipped = listBenchmarks().find((benchmark) => benchmark.id === id);
  if (shipped) {
    const { region, simulated, metric, version } = shipped;
    return {
      title: id,
      content: benchmarkFacts(id, {
        ...{ origin: originOf(simulated, false), metric: metric.name, version },
        regions: [region ?? 'behavior'],
      }),
    };
  }
  const upload = await store.benchmarks.find(principal, id);
  if (!upload) throw new VentralError('not-found', `There is no benchmark ${quoted(id)}`);
  const { benchmarks, metric, version, simulated } = upload.summary;
  const title = benchmarks.map((benchmark) => benchmark.id).join(', ');
  const regions = benchmarks.map(({ region }) => region ?? 'behavior');
  return {
    title,
    content: benchmarkFacts(title, {
      ...{ origin: originOf(simulated, true), metric, version, regions },
    }),
  };
}

const benchmarkFacts = (
  title: string,
  facts: {
    readonly origin: string;
    readonly metric: string;
    readonly version: number;
    readonly regions: readonly string[];
  },
) =>
  html`<h1><bdi>${title}</bdi> <span class="chip origin-${facts.origin}">${facts.origin}</span></h1><dl class="facts"><dt>Region</dt><dd>${[...new Set(facts.regions)].join(', ')}</dd><dt>Metric</dt><dd>${facts.metric}</dd><dt>Version</dt><dd>${facts.version}</dd></dl>`;

const states = {
  queued: 'Queued',
  running: 'Running',
  succeeded: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
} as const;

async function jobPage(
  { store }: ServiceContext,
  principal: Principal,
  id: string,
  kind: 'score' | 'layer-map',
): Promise<Content> {
  const job = await jobSummary(store.database, principal, id);
  if (job?.kind !== kind) throw new VentralError('not-found', `There is no job ${quoted(id)}`);
  const what = kind === 'score' ? 'Scores' : 'Layer map';
  const scored = new Map(job.scores.map((score) => [score.benchmark, score]));
  const cells = (benchmark: string) => {
    const { value = null, raw = null, ceiling = null } = scored.get(benchmark) ?? {};
    return [value, raw, ceiling].map((of) => html`<td class="number">${digits(of)}</td>`);
  };
  const table =
    kind === 'score'
      ? html`<div class="scroll"><table><thead><tr><th scope="col">Benchmark</th><th scope="col" class="number">Score</th><th scope="col" class="number">Raw</th><th scope="col" class="number">Ceiling</th></tr></thead><tbody>${job.benchmarks.map((benchmark) => html`<tr><th scope="row"><bdi>${benchmark}</bdi></th>${cells(benchmark)}</tr>`)}</tbody></table></div>`
      : html`<p>On ${job.benchmarks.join(', ')}.</p>`;
  return {
    title: `${what} of ${job.modelName}`,
    content: html`<h1>${what} of <bdi>${job.modelName}</bdi>${chip(job.weights)}</h1><p><strong>${states[job.state]}</strong></p>${table}`,
  };
}

const chip = (weights: string | null | undefined) =>
  weights &&
  weights in weightsWords &&
  html` <span class="chip weights-${weights}">${weightsWords[weights as keyof typeof weightsWords]}</span>`;

const benchmarkLink = (id: string) =>
  html`<a href="/benchmarks/${encodeURIComponent(id)}"><bdi>${id}</bdi></a>`;

const digits = (value: number | null) => (value === null ? '–' : value.toFixed(3));

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

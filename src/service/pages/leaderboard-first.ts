import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type Html, html } from '../../report/html.js';
import { localPrincipal } from '../../store/records/principal.js';
import type { FirstScoring } from '../registry/first-scoring.js';
import type { LeaderboardQuery } from '../registry/leaderboard-query.js';
import type { LeaderboardService } from '../registry/leaderboard-service.js';
import { landingHtml } from './landing-html.js';
import { addressReader } from './leaderboard-address.js';
import { leaderboardHtml } from './leaderboard-html.js';

/** Rows of the first HTML: about what fits on a screen, so that a thousand models do not make it heavy. */
const ROWS = 30;

/** Without parameters simulated scores may replace real ones, as in `view.ts` of the page. */
const leavesOpen: ReadonlySet<string> = new Set(['at', 'missing', 'selection', 'layers', 'set']);

/**
 * The leaderboard of the page's URL as first HTML, for the one user of a service without
 * keys: the table, and the answer of `GET /leaderboard` from which the page continues. If the resource would
 * refuse, the page shows the refusal.
 * @param description `openapi.yaml`
 */
export function firstLeaderboard(
  leaderboard: LeaderboardService,
  scoring: FirstScoring,
  description: object,
) {
  const read = addressReader(description);
  return async (address: URLSearchParams): Promise<{ content: Html; after?: string }> => {
    try {
      const query = { ...read(address), limit: ROWS };
      const [board, simulated] = await realOrSimulated(leaderboard, query);
      const landing = landingHtml(simulated || board.models === 0, await scoring.read());
      const content = leaderboardHtml(board, simulated, address, landing);
      return query.cursor === undefined && !query.offset
        ? { content, after: dataBlock(board, simulated) }
        : { content };
    } catch (error) {
      if (!(error instanceof VentralError)) throw error;
      return { content: html`<h1>Leaderboard</h1><p class="problem">${error.message}</p>` };
    }
  };
}

type Leaderboard = components['schemas']['Leaderboard'];

async function realOrSimulated(
  leaderboard: LeaderboardService,
  query: LeaderboardQuery,
): Promise<[board: Leaderboard, simulated: boolean]> {
  const board = await leaderboard.read(localPrincipal, query);
  const names = Object.keys(query).filter((name) => name !== 'limit');
  if (board.models > 0 || !names.every((name) => leavesOpen.has(name)))
    return [board, query.simulated === true];
  const simulated = await leaderboard.read(localPrincipal, { ...query, simulated: true });
  return simulated.models > 0 ? [simulated, true] : [board, false];
}

/** The answer for the page, which no markup in it can end. */
const dataBlock = (board: Leaderboard, simulated: boolean) =>
  `<script type="application/json" id="leaderboard" data-simulated="${simulated}">${JSON.stringify(board, shown).replaceAll('<', '\\u003c')}</script>`;

/** Numbers as far as the page shows them: most of a board's bytes are digits behind. */
const shown = (_name: string, value: unknown) =>
  typeof value === 'number' ? Number(value.toFixed(3)) : value;

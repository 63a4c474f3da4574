import compression from 'compression';
import { type Request, type Response, Router } from 'express';
import type { components } from '../../api/schema.js';
import { linkNext } from '../http/page-links.js';
import { principalOf } from '../http/principal-of.js';
import { leaderboardCsv, leaderboardMarkdown } from '../pages/leaderboard-text.js';
import type { CorrelationQuery, CorrelationService } from '../registry/correlation-service.js';
import type { LeaderboardQuery } from '../registry/leaderboard-query.js';
import type { LeaderboardService } from '../registry/leaderboard-service.js';
import type { RankHistoryQuery, RankHistoryService } from '../registry/rank-history-service.js';

type Leaderboard = components['schemas']['Leaderboard'];

/**
 * `/leaderboard`: the models that one may see, averaged, ranked, filtered, sorted and in pages; ranks over time; and how alike
 * benchmarks order models.
 */
export function leaderboardRoutes(
  leaderboard: LeaderboardService,
  history: RankHistoryService,
  correlations: CorrelationService,
): Router {
  const router = Router();
  router.get('/leaderboard', compression(), async (request, response) => {
    send(
      await leaderboard.read(principalOf(response), request.query as LeaderboardQuery),
      request,
      response,
    );
  });
  router.get('/leaderboard/history', compression(), async (request, response) => {
    response.json(
      await history.read(principalOf(response), request.query as unknown as RankHistoryQuery),
    );
  });
  router.get('/benchmarks/correlations', compression(), async (request, response) => {
    response.json(
      await correlations.read(principalOf(response), request.query as CorrelationQuery),
    );
  });
  return router;
}

function send(board: Leaderboard, request: Request, response: Response): void {
  response.vary('Accept');
  const type = request.accepts(['application/json', 'text/csv', 'text/markdown']);
  if (type !== 'text/csv' && type !== 'text/markdown') {
    response.json(board);
    return;
  }
  // A page in JSON is linked as all lists are.
  if (board.next !== null) linkNext(request, response, board.next);
  response
    .type(type)
    .send(type === 'text/csv' ? leaderboardCsv(board) : leaderboardMarkdown(board));
}

import compression from 'compression';
import { type Request, type Response, Router } from 'express';
import type { components } from '../../api/schema.js';
import { linkNext } from '../http/page-links.js';
import { principalOf } from '../http/principal-of.js';
import { leaderboardCsv, leaderboardMarkdown } from '../pages/leaderboard-text.js';
import type { LeaderboardQuery } from '../registry/leaderboard-query.js';
import type { LeaderboardService } from '../registry/leaderboard-service.js';

type Leaderboard = components['schemas']['Leaderboard'];

/** `/leaderboard`: the models that one may see, averaged, ranked, filtered, sorted and in pages. */
export function leaderboardRoutes(leaderboard: LeaderboardService): Router {
  const router = Router();
  router.get('/leaderboard', compression(), async (request, response) => {
    send(
      await leaderboard.read(principalOf(response), request.query as LeaderboardQuery),
      request,
      response,
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

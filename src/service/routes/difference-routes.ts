import compression from 'compression';
import { Router } from 'express';
import { principalOf } from '../http/principal-of.js';
import type { DifferenceQuery, DifferenceService } from '../registry/difference-service.js';

/** `/differences`: models pair by pair, from the draws behind their scores. */
export function differenceRoutes(differences: DifferenceService): Router {
  const router = Router();
  router.get('/differences', compression(), async (request, response) => {
    response.json(
      await differences.read(principalOf(response), request.query as unknown as DifferenceQuery),
    );
  });
  return router;
}

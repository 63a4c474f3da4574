import { Router } from 'express';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { clientOf } from '../http/client.js';
import { noteMadeBy } from '../http/idempotency.js';
import { principalOf } from '../http/principal-of.js';
import type { ServiceContext } from '../registry/context.js';
import { ReceiptService } from '../registry/receipt-service.js';
import { showScore } from './score-routes.js';

/** `/receipts`: scores that were computed elsewhere; and the receipt of such a job. */
export function receiptRoutes(context: ServiceContext): Router {
  const { store } = context;
  const receipts = new ReceiptService(context);
  const router = Router();
  router.post('/receipts', async (request, response) => {
    const receipt = request.body as components['schemas']['Receipt'];
    const { jobs, created } = await receipts.bring(clientOf(response), receipt, (queries, id) =>
      noteMadeBy(response, queries, id),
    );
    response.status(created ? 201 : 200).json({ items: jobs.map(showScore) });
  });
  router.get('/scores/:job/receipt', async (request, response) => {
    const { job: id } = request.params;
    const job = await store.jobs.stateSeen(principalOf(response), id);
    const receipt = job && (await store.brought.receipt(job.id));
    if (receipt === undefined)
      throw new VentralError('not-found', `There is no score job "${id}" with a receipt`);
    response.json(receipt);
  });
  return router;
}

import { Router } from 'express';
import type { components } from '../../api/schema.js';
import { present } from '../../formats/present.js';
import { clientOf } from '../http/client.js';
import type { ServiceContext } from '../registry/context.js';
import { StimulusService, type StimulusSetName } from '../registry/stimulus-service.js';

/** What a query says, as the validator has read it by the description. */
interface Query {
  readonly set?: StimulusSetName;
  readonly degrees?: number;
  readonly frame?: number;
  readonly limit?: number;
  readonly cursor?: string;
}

const LIMIT = 50;

/** The data of benchmarks: `/benchmarks/{benchmark}/data`, and its stimuli with their images. */
export function benchmarkDataRoutes(context: ServiceContext): Router {
  const stimuli = new StimulusService(context);
  const router = Router();
  router.get('/benchmarks/:benchmark/data', async (request, response) => {
    const items = await stimuli.describe(clientOf(response), request.params.benchmark);
    response.json({ items } as components['schemas']['BenchmarkDataList']);
  });
  router.get('/benchmarks/:benchmark/stimuli', async (request, response) => {
    const { set = 'test', limit = LIMIT, cursor = '0' } = request.query as Query;
    const { benchmark } = request.params;
    const from = Number(cursor);
    const asked = { set, from, count: limit };
    const { columns, total, pictures, rows } = await stimuli.rows(
      clientOf(response),
      benchmark,
      asked,
    );
    const self = `/v1/benchmarks/${encodeURIComponent(benchmark)}/stimuli`;
    const picture = (stimulus: string) =>
      pictures
        ? `${self}/${encodeURIComponent(stimulus)}/picture${set === 'test' ? '' : `?set=${set}`}`
        : null;
    response.json({
      columns: [...columns],
      total,
      items: rows.map((row) => ({
        ...row,
        values: { ...row.values },
        links: { picture: picture(row.stimulus) },
      })),
      next: from + rows.length < total && rows.length > 0 ? String(from + rows.length) : null,
    } satisfies components['schemas']['StimulusPage']);
  });
  router.get('/benchmarks/:benchmark/stimuli/:stimulus/picture', async (request, response) => {
    const { set = 'test', degrees } = request.query as Query;
    const { benchmark, stimulus } = request.params;
    const png = await stimuli.picture(clientOf(response), benchmark, {
      set,
      stimulus,
      ...present({ degrees }),
    });
    response.type('image/png').send(png);
  });
  router.get('/benchmarks/:benchmark/stimuli/:stimulus/content', async (request, response) => {
    const { set = 'test', frame = 0 } = request.query as Query;
    const { benchmark, stimulus } = request.params;
    const asked = { set, stimulus, frame };
    const { name, bytes } = await stimuli.file(clientOf(response), benchmark, asked);
    // What a stranger has uploaded is never shown as a page.
    response.attachment(name).type('application/octet-stream').send(bytes);
  });
  return router;
}

import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { components } from '../../api/schema.js';
import { locator } from '../../data/data-folder.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Benchmark } from '../../scoring/benchmark/benchmark.js';
import { hasData } from '../../scoring/benchmark/benchmark-data.js';
import { listBenchmarks } from '../../scoring/registry/registry.js';
import type { BenchmarkRecord } from '../../store/records/benchmark-store.js';
import type { Space } from '../../store/records/reservation-store.js';
import { clientOf } from '../http/client.js';
import { requireMatch } from '../http/entity-tags.js';
import { wasAnswered } from '../http/idempotency.js';
import { principalOf } from '../http/principal-of.js';
import { readAccess } from '../http/read-visibility.js';
import type { ServiceContext } from '../registry/context.js';
import { originOf } from '../registry/leaderboard-benchmarks.js';
import { receiveStream } from '../upload/receive-file.js';
import { type ReceivedModel, receiveUpload } from '../upload/upload.js';
import { replayed } from '../upload/upload-replay.js';
import { withSpace } from '../upload/upload-space.js';

type BenchmarkResource = components['schemas']['Benchmark'];

/** POST `/benchmarks`: a ZIP, as the body or as the part `file` of a form. */
export function benchmarkUpload(context: ServiceContext): RequestHandler {
  const { benchmarks, uploadSize } = context;
  return async (request, response) => {
    const limit = { most: uploadSize, field: request.is('application/zip') ? '' : '/file' };
    const registered = await withSpace(context, request, response, limit, async (space) => {
      const { file, fields } = await receiveArchive(context, request, response, space);
      if (await replayed(response, { file, fields })) return undefined;
      const received = { ...file, reservation: space };
      return benchmarks.register(clientOf(response), received, () => readAccess(fields));
    });
    if (!registered) return;
    const answer = uploaded(registered.benchmark);
    response
      .status(registered.created ? 201 : 200)
      .location(answer.links.self)
      .json(answer);
  };
}

async function receiveArchive(
  { store, uploadSize }: ServiceContext,
  request: Request,
  response: Response,
  space: Space,
): Promise<ReceivedModel> {
  const kept = { space, keep: !wasAnswered(response) };
  if (!request.is('application/zip')) {
    return receiveUpload(request, store.temporary, {
      fileSize: uploadSize,
      fieldSize: 1024,
      fieldNames: ['visibility', 'group'],
      ...kept,
    });
  }
  const limits = { filename: '', most: uploadSize, ...kept };
  return { file: await receiveStream(request, store.temporary, limits), fields: new Map() };
}

/** The resources below `/benchmarks`, but for the upload. */
export function benchmarkRoutes({ store, benchmarks, home }: ServiceContext): Router {
  const router = Router();
  router.get('/benchmarks', async (request, response) => {
    // The validator has turned `simulated` into a boolean by the description.
    const { region, simulated } = request.query as { region?: string; simulated?: boolean };
    const locate = locator(home);
    const all = [
      ...(await Promise.all(listBenchmarks().map((benchmark) => shipped(benchmark, home, locate)))),
      ...(await store.benchmarks.list(principalOf(response))).map(uploaded),
    ];
    const items = all
      .filter(
        (benchmark) =>
          region === undefined || benchmark.benchmarks.some((one) => one.region === region),
      )
      .filter((benchmark) => simulated === undefined || benchmark.simulated === simulated);
    response.json({ items, next: null } satisfies components['schemas']['BenchmarkPage']);
  });
  router.get('/benchmarks/:benchmark', async (request, response) => {
    const found = listBenchmarks().find(({ id }) => id === request.params.benchmark);
    response.json(
      found
        ? await shipped(found, home)
        : uploaded(await benchmarks.get(principalOf(response), request.params.benchmark)),
    );
  });
  router.delete('/benchmarks/:benchmark', async (request, response) => {
    const { benchmark } = request.params;
    if (listBenchmarks().some(({ id }) => id === benchmark)) {
      throw new VentralError('forbidden', `${benchmark} ships with ventral and cannot be deleted`);
    }
    const principal = principalOf(response);
    // A registered benchmark never changes, so that one look is enough.
    requireMatch(request, uploaded(await benchmarks.get(principal, benchmark)));
    await benchmarks.remove(principal, benchmark);
    response.status(204).end();
  });
  return router;
}

async function shipped(
  benchmark: Benchmark,
  home: string,
  locate = locator(home),
): Promise<BenchmarkResource> {
  const { id, version, region, simulated, metric, visualDegrees, reference } = benchmark;
  return {
    id,
    version,
    region: region ?? null,
    benchmarks: [{ id, region: region ?? null }],
    simulated,
    origin: originOf(simulated, false),
    ready: await hasData(benchmark, home, locate),
    metric: metric.name,
    visualDegrees: typeof visualDegrees === 'number' ? visualDegrees : null,
    reference: reference ? { ...reference } : null,
    links: { self: `/v1/benchmarks/${encodeURIComponent(id)}` },
  };
}

function uploaded({
  id,
  digest,
  owner,
  group,
  visibility,
  size,
  summary,
  createdAt,
}: BenchmarkRecord): BenchmarkResource {
  const { version, benchmarks, simulated, metric, visualDegrees, reference } = summary;
  return {
    id,
    version,
    region: benchmarks.length === 1 ? benchmarks[0].region : null,
    benchmarks: [...benchmarks],
    simulated,
    origin: originOf(simulated, true),
    metric,
    visualDegrees,
    reference,
    upload: { digest, owner, group, visibility, size, createdAt: createdAt.toISOString() },
    links: { self: `/v1/benchmarks/${id}` },
  };
}

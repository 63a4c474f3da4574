import { type RequestHandler, Router } from 'express';
import type { components } from '../api/schema.js';
import { VentralError } from '../errors/ventral-error.js';
import type { Benchmark } from '../scoring/benchmark.js';
import { hasData } from '../scoring/benchmark-data.js';
import { listBenchmarks } from '../scoring/registry.js';
import type { BenchmarkRecord } from '../store/benchmark-store.js';
import type { ServiceContext } from './context.js';
import { requireMatch } from './entity-tags.js';
import { principalOf } from './principal-of.js';
import { readAccess } from './read-visibility.js';
import { receiveStream } from './receive-file.js';
import { receiveUpload } from './upload.js';
import { replayed } from './upload-replay.js';

type BenchmarkResource = components['schemas']['Benchmark'];

/** POST `/benchmarks`: a ZIP, as the body or as the part `file` of a form. */
export function benchmarkUpload({ store, benchmarks, uploadSize }: ServiceContext): RequestHandler {
  return async (request, response) => {
    const bare = request.is('application/zip');
    const { file, fields } = bare
      ? {
          file: await receiveStream(request, store.temporary, { filename: '', most: uploadSize }),
          fields: new Map<string, string>(),
        }
      : await receiveUpload(request, store.temporary, {
          fileSize: uploadSize,
          fieldSize: 1024,
          fieldNames: ['visibility', 'group'],
        });
    if (await replayed(response, { file, fields })) return;
    const principal = principalOf(response);
    const { benchmark, created } = await benchmarks.register(principal, file, () =>
      readAccess(fields),
    );
    const answer = uploaded(benchmark);
    response
      .status(created ? 201 : 200)
      .location(answer.links.self)
      .json(answer);
  };
}

/** The resources below `/benchmarks`, but for the upload. */
export function benchmarkRoutes({ store, benchmarks, home }: ServiceContext): Router {
  const router = Router();
  router.get('/benchmarks', async (request, response) => {
    // The validator has turned `simulated` into a boolean by the description.
    const { region, simulated } = request.query as { region?: string; simulated?: boolean };
    const all = [
      ...(await Promise.all(listBenchmarks().map((benchmark) => shipped(benchmark, home)))),
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
      throw new VentralError('forbidden', `${benchmark} comes with ventral and stays`);
    }
    const principal = principalOf(response);
    // A registered benchmark never changes, so that one look is enough.
    requireMatch(request, uploaded(await benchmarks.get(principal, benchmark)));
    await benchmarks.remove(principal, benchmark);
    response.status(204).end();
  });
  return router;
}

async function shipped(benchmark: Benchmark, home: string): Promise<BenchmarkResource> {
  const { id, version, region, simulated, metric, visualDegrees, reference } = benchmark;
  return {
    id,
    version,
    region: region ?? null,
    benchmarks: [{ id, region: region ?? null }],
    simulated,
    ready: await hasData(benchmark, home),
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
    metric,
    visualDegrees,
    reference,
    upload: { digest, owner, group, visibility, size, createdAt: createdAt.toISOString() },
    links: { self: `/v1/benchmarks/${id}` },
  };
}

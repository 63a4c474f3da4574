import { Router } from 'express';
import type { components } from '../api/schema.js';
import { VentralError } from '../errors/ventral-error.js';
import type { Benchmark } from '../scoring/benchmark-file.js';
import { listBenchmarks } from '../scoring/registry.js';

type BenchmarkResource = components['schemas']['Benchmark'];

/** `/benchmarks`: what the package ships. */
export function benchmarkRoutes(): Router {
  const router = Router();
  router.get('/benchmarks', (request, response) => {
    // The validator has turned `simulated` into a boolean by the description.
    const { region, simulated } = request.query as { region?: string; simulated?: boolean };
    const items = listBenchmarks()
      .filter((benchmark) => region === undefined || benchmark.region === region)
      .filter((benchmark) => simulated === undefined || benchmark.simulated === simulated)
      .map(resource);
    response.json({ items, next: null } satisfies components['schemas']['BenchmarkPage']);
  });
  router.get('/benchmarks/:benchmark', (request, response) => {
    const found = listBenchmarks().find(({ id }) => id === request.params.benchmark);
    if (!found)
      throw new VentralError('not-found', `There is no benchmark "${request.params.benchmark}"`);
    response.json(resource(found));
  });
  return router;
}

function resource(benchmark: Benchmark): BenchmarkResource {
  const { id, version, region, simulated, metric, visualDegrees, reference } = benchmark;
  return {
    id,
    version,
    region: region ?? null,
    simulated,
    metric: metric.name,
    visualDegrees: typeof visualDegrees === 'number' ? visualDegrees : null,
    reference: reference ? { ...reference } : null,
    links: { self: `/v1/benchmarks/${encodeURIComponent(id)}` },
  };
}

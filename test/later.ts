/**
 * Tests that `npm test` leaves to `npm run test:slow`, so that it ends within ten minutes on two cores. Those of the
 * service run on PostgreSQL too (`npm run test:postgresql`).
 */
export const later = [
  'test/models/parity.test.ts',
  'test/scoring/map/nested-map.test.ts',
  'test/service/backup/damaged-files.test.ts',
  'test/service/http/authorization.test.ts',
  'test/service/http/containers.test.ts',
  'test/service/http/fairness.test.ts',
  'test/service/http/quotas.test.ts',
  'test/service/http/storage.test.ts',
  'test/service/registry/board-history.test.ts',
  'test/service/registry/webhooks.test.ts',
  'test/service/routes/benchmarks.test.ts',
  'test/service/routes/events.test.ts',
  'test/service/routes/examples.test.ts',
  'test/service/routes/features.test.ts',
  'test/service/routes/layer-maps.test.ts',
  'test/service/routes/models.test.ts',
  'test/service/worker/apart.test.ts',
  'test/web/docs.test.ts',
  'test/web/jobs.test.ts',
  'test/web/leaderboard.test.ts',
  'test/web/road.test.ts',
  'test/web/training.test.ts',
  'test/web/widths.test.ts',
];

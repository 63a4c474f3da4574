import { Router } from 'express';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { TrainingJob, TrainingJobRequest } from '../../store/jobs/job.js';
import type { Principal } from '../../store/records/principal.js';
import type { Recipe } from '../../training/recipe/recipe.js';
import type { TrainingEvent } from '../../training/record/training-event.js';
import { principalOf } from '../http/principal-of.js';
import { RequestProblem } from '../http/problem.js';
import type { ServiceContext } from '../registry/context.js';
import type { ScorableModel } from '../registry/model-service.js';
import { jobRoutes, showCommon } from './job-routes.js';

type TrainingRequest = components['schemas']['TrainingRequest'];

const path = '/trainings';
/** Steps that an answer draws its curves with. */
const MOST_STEPS = 500;

/** `/trainings`: jobs that train a network, but for their checkpoints. */
export function trainingRoutes(context: ServiceContext): Router {
  const router = Router();
  router.get(`${path}/:job/report`, async (request, response) => {
    const job = await findTraining(context, principalOf(response), request.params.job);
    const events = await context.store.jobs.trainings.metricTexts(job.id);
    const page = await context.documents.trainingPage(events, {
      name: job.recipe.name,
      recipe: job.recipe,
      versions: job.run?.versions ?? {},
      digests: job.run?.digests ?? {},
    });
    response.attachment(`${job.recipe.name}.html`).type('html').send(page);
  });
  router.use(
    jobRoutes(context, {
      ...{ kind: 'training', path, noun: 'training', request, show, more },
      cancelling: async ({ store, models }, job: TrainingJob) => {
        const kept = await store.jobs.trainings.checkpoints(job.id);
        return async () => {
          for (const { digest } of kept) await models.free(digest);
        };
      },
    }),
  );
  return router;
}

/** A training that the principal may see; throws `not-found`. */
export async function findTraining(
  { store }: ServiceContext,
  principal: Principal,
  id: string,
): Promise<TrainingJob> {
  const job = await store.jobs.findSeen(principal, id);
  if (job?.kind === 'training') return job;
  throw new VentralError('not-found', `There is no training job "${id}"`);
}

async function request(
  context: ServiceContext,
  principal: Principal,
  asked: TrainingRequest,
): Promise<TrainingJobRequest> {
  const recipe = await context.documents.recipe(asked.recipe);
  const sources = benchmarksOf(recipe);
  const names = [...sources.keys()];
  const benchmarks = await context.benchmarks.asked(
    principal,
    names,
    (position) => sources.get(names[position]) as string,
  );
  const model = await modelOf(context, principal, recipe.model);
  return {
    kind: 'training',
    owner: principal.owner,
    model: recipe.model,
    registration: model.registration,
    digest: model.digest,
    modelName: model.name,
    card: model.card,
    benchmarks: benchmarks.map(({ id }) => id),
    sources: names,
    keys: [],
    recipe,
  };
}

/** Benchmarks that stages name, each with the JSON pointer of the first place. */
function benchmarksOf({ stages }: Recipe): Map<string, string> {
  const found = new Map<string, string>();
  const add = (name: string, pointer: string) =>
    found.has(name) || found.set(name, `/recipe/stages/${pointer}`);
  stages.forEach((stage, i) => {
    if ('score' in stage)
      stage.score.benchmarks.forEach((name, k) => {
        add(name, `${i}/score/benchmarks/${k}`);
      });
    if ('compare' in stage)
      stage.compare.benchmarks.forEach((name, k) => {
        add(name, `${i}/compare/benchmarks/${k}`);
      });
    if ('train' in stage && !measured.includes(stage.train.best_by))
      add(stage.train.best_by, `${i}/train/best_by`);
  });
  return found;
}

/** Criteria of `best_by` that are not benchmarks. */
const measured: readonly string[] = ['accuracy', 'robust-accuracy'];

async function modelOf(
  { models }: ServiceContext,
  principal: Principal,
  name: string,
): Promise<ScorableModel> {
  try {
    return await models.trainable(principal, name);
  } catch (thrown) {
    const { code, message, details } = VentralError.from(thrown);
    if (details.field !== '/model') throw thrown;
    throw new RequestProblem(code, message, {
      parts: [{ pointer: '/recipe/model', detail: message }],
    });
  }
}

function show(job: TrainingJob): components['schemas']['TrainingListing'] {
  const { failures, input: _, links, ...common } = showCommon(job, path);
  const { self } = links;
  return {
    ...common,
    name: job.recipe.name,
    result: job.state === 'succeeded' ? { checkpoint: job.network } : null,
    problem: (job.failures[0]?.problem ?? null) as components['schemas']['Problem'] | null,
    links: {
      ...links,
      events: `${self}/events`,
      checkpoints: `${self}/checkpoints`,
      report: `${self}/report`,
    },
  };
}

async function more({ store }: ServiceContext, { id, recipe, run }: TrainingJob) {
  const curves = thinned(await store.jobs.trainings.metrics(id));
  return { recipe, provenance: run, curves };
}

/** Events with only some of the steps. */
function thinned(events: readonly TrainingEvent[]): TrainingEvent[] {
  const steps = events.filter(({ kind }) => kind === 'step').length;
  const each = Math.max(1, Math.ceil(steps / MOST_STEPS));
  let step = 0;
  return events.filter(({ kind }) => kind !== 'step' || step++ % each === 0);
}

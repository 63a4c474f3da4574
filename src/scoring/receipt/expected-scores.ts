import { openNetwork } from '../../activations/open-network.js';
import { withExecution } from '../../activations/provider/choose-provider.js';
import { VentralError } from '../../errors/ventral-error.js';
import { resolveLayer } from '../../onnx/layers.js';
import type { Execution } from '../../runtime/provider.js';
import type { Score } from '../measure/score.js';
import { scoreInputs } from '../measure/score-inputs.js';
import { isSelection, type ScoreRequest } from '../model/score-model.js';
import { chooseSteps, layerLabel } from '../model/time-steps.js';
import { loadBenchmarks } from '../registry/load-benchmark.js';

/** What a score says beside its numbers: everything that is known before the network runs. */
export interface ExpectedScore
  extends Pick<
    Score,
    'benchmark' | 'version' | 'region' | 'simulated' | 'layer' | 'layerChoice' | 'selection'
  > {
  readonly metric: string;
  /** Digest of everything that the number depends on. */
  readonly inputs: string;
}

/** Why nothing is known of a score. */
export interface UnknownScore {
  readonly benchmark: string;
  readonly error: VentralError;
}

/**
 * What the scores of a request would say, without their numbers; the network is opened and does not run.
 * @throws VentralError what is wrong with the model
 */
export async function expectedScores(
  request: ScoreRequest,
  context: { readonly home: string; readonly execution?: Execution | undefined },
): Promise<readonly (ExpectedScore | UnknownScore)[]> {
  const opened = await openNetwork(request.model, { input: request.input });
  const network = withExecution(opened, context.execution);
  const { file, card } = network;
  const found: (ExpectedScore | UnknownScore)[] = [];
  const fail = (benchmark: string, thrown: unknown) =>
    found.push({ benchmark, error: VentralError.from(thrown) });
  const { loaded, close } = await loadBenchmarks(request.benchmarks, context, fail);
  try {
    for (const each of loaded) {
      const { id, version, region = null, simulated } = each.benchmark;
      try {
        const chosen = chooseSteps(each, card, request.layers, file.name);
        for (const layer of chosen.layers) resolveLayer(file.model, layer);
        found.push({
          ...{ benchmark: id, version, region, simulated, metric: each.metric },
          layer: layerLabel(chosen),
          layerChoice: chosen.choice,
          selection: await isSelection(chosen, each),
          inputs: (await scoreInputs(network, each, chosen.layers, chosen)).digest,
        });
      } catch (error) {
        fail(id, error);
      }
    }
  } finally {
    await close();
  }
  return found;
}

import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { exposedPieces } from '../../onnx/expose.js';
import { modelInputs } from '../../onnx/model-inputs.js';
import {
  executionOn,
  type ProviderState,
  providerStates,
  requireProvider,
} from '../../runtime/installed-providers.js';
import {
  type Execution,
  executionText,
  type Provider,
  type ProviderChoice,
  unavailable,
} from '../../runtime/provider.js';
import type { SessionValue, Tensor } from '../../runtime/session.js';
import { batchOf } from '../batch-axis.js';
import { fusedOutputs } from '../exposed-values.js';
import type { Network } from '../extract.js';
import { inputPlan } from '../stimuli/input-plan.js';
import type { Shown } from '../stimuli/shown.js';
import { StimulusFeed } from '../stimuli/stimulus-feed.js';
import type { TrialAnswer } from './provider-trial-child.js';
import {
  boundOf,
  smallTrial,
  type Trial,
  type TrialLimits,
  tryProvider,
  worstLayer,
} from './try-provider.js';

/** What is to run a network, and who is told. */
export interface ProviderRequest extends ProviderChoice {
  /** Told in a sentence what runs the network, and why, where that was tried. */
  readonly told?: (sentence: string) => void;
  /** What `auto` chooses from; what this machine has unless said. */
  readonly states?: readonly ProviderState[];
  /** The module of the trial's process, for tests. */
  readonly script?: string;
}

/** Which `auto` tries, the quickest first. */
const order: readonly Execution['provider'][] = ['cuda', 'dml', 'coreml', 'webgpu'];

/** Stimuli of a trial. */
const STIMULI = 4;

/** A network that runs on this; on the CPU where there is none. */
export function withExecution(network: Network, execution: Execution | undefined): Network {
  const { execution: _, ...file } = network.file;
  return { ...network, file: { ...file, ...present({ execution }) } };
}

/**
 * The network as it runs on what was asked for. With `auto` the first few stimuli go through the CPU and a provider: it is taken
 * where no layer is further from the CPU's than its bound ({@link boundOf}) and it is quicker, else the CPU.
 * @throws VentralError `provider-unavailable` for one that this machine does not have, `interrupted`, and what reading stimuli throws
 */
export async function onProvider(
  network: Network,
  shown: readonly Shown[],
  request: ProviderRequest | undefined,
  limits: TrialLimits,
): Promise<Network> {
  const { provider = 'cpu', tf32, states = providerStates(), told, script } = request ?? {};
  if (provider === 'cpu' || shown.length === 0) return network;
  if (provider !== 'auto') {
    requireProvider(provider, states);
    return withExecution(network, executionOn(provider, present({ tf32 })));
  }
  const made = once(() => trialOf(network, shown[0]));
  const { execution, sentence } = await chosen(made, states, present({ tf32 }), {
    ...limits,
    ...present({ script }),
  });
  told?.(`${network.file.name}: ${sentence}`);
  return withExecution(network, execution);
}

/**
 * The providers beside the CPU that a worker can offer: the one asked for, or with `auto` all that compute a small network as the
 * CPU does.
 * @throws VentralError `provider-unavailable`
 */
export async function offeredProviders(
  { provider, tf32, states = providerStates(), script }: ProviderRequest,
  limits: TrialLimits = {},
): Promise<Execution[]> {
  if (provider === 'cpu') return [];
  if (provider !== 'auto') requireProvider(provider, states);
  const names = provider === 'auto' ? order.filter((name) => isReady(name, states)) : [provider];
  const offered: Execution[] = [];
  for (const name of names) {
    const execution = executionOn(name, present({ tf32 }));
    const choice = { provider: name, ...present({ tf32 }) };
    const outcome = await tryProvider(smallTrial(), choice, { ...limits, ...present({ script }) });
    const fault = faultOf(outcome, execution);
    if (fault === undefined) offered.push(execution);
    else if (provider !== 'auto') throw unavailable(name, fault);
  }
  return offered;
}

const isReady = (provider: Provider, states: readonly ProviderState[]) =>
  states.some((each) => each.provider === provider && each.state === 'ready');

/** What `auto` chooses, and why. */
async function chosen(
  trial: () => Promise<Trial>,
  states: readonly ProviderState[],
  how: Pick<ProviderChoice, 'tf32'>,
  limits: TrialLimits,
): Promise<{ readonly execution?: Execution; readonly sentence: string }> {
  const words: string[] = [];
  for (const provider of order) {
    const state = states.find((each) => each.provider === provider);
    if (state?.state === 'absent') words.push(`${provider} is not installed (${state.found})`);
    if (state?.state !== 'ready') continue;
    const execution = executionOn(provider, how);
    const outcome = await tryProvider(await trial(), { provider, ...how }, limits);
    const fault = faultOf(outcome, execution) ?? slownessOf(outcome);
    if (fault === undefined)
      return {
        execution,
        sentence: `runs on ${executionText(execution)}: ${praise(outcome, execution)}`,
      };
    words.push(`${provider} ${fault}`);
  }
  const why = words.length > 0 ? words.join('; ') : 'this machine has no other provider';
  return { sentence: `runs on the CPU: ${why}` };
}

/** Why the numbers of a provider are not taken; undefined where they are. */
function faultOf(outcome: TrialAnswer, execution: Execution): string | undefined {
  if ('failed' in outcome) return `failed (${outcome.failed})`;
  const worst = worstLayer(outcome.layers, execution);
  if (!worst) return 'gives no numbers';
  const bound = boundOf(worst, execution);
  if (worst.error <= bound) return undefined;
  return `gives other numbers (${worst.value} is off by ${shortly(worst.error)} of its size, more than ${bound})`;
}

const shortly = (error: number) =>
  Number.isFinite(error) ? error.toExponential(1) : 'values that are not finite, or a multiple';

function slownessOf(outcome: TrialAnswer): string | undefined {
  if ('failed' in outcome) return undefined;
  const { cpu, provider } = outcome.milliseconds;
  if (provider < cpu) return undefined;
  return `is slower (${Math.round(provider)} ms for ${STIMULI} stimuli, the CPU ${Math.round(cpu)})`;
}

function praise(outcome: TrialAnswer, execution: Execution): string {
  if ('failed' in outcome) return '';
  const worst = worstLayer(outcome.layers, execution);
  if (!worst) return '';
  const count = outcome.layers.length;
  return `of ${count} ${count === 1 ? 'layer' : 'layers'} ${worst.value} is the furthest from the CPU, ${shortly(worst.error)} of its size (bound ${boundOf(worst, execution)})`;
}

/** The first stimuli through all candidate layers of the network, or through its outputs where it has none. */
export async function trialOf({ file, card }: Network, shown: Shown): Promise<Trial> {
  const { model, name, optimization } = file;
  const inputs = modelInputs(model).map((input) => ({ ...input, dims: input.dims ?? [] }));
  const plan = inputPlan(inputs as readonly SessionValue[], card.input, {
    ...{ name, batch: batchOf(model) },
  });
  const fused = fusedOutputs(model, card);
  const values = fused.length > 0 ? fused : model.graph.outputs.map((output) => output.name);
  const isFree = inputs.find((input) => input.name === plan.name)?.dims[0] === null;
  for await (const { input } of new StimulusFeed(shown, card, plan).batches()) {
    const tensor = isFree ? firstOf(input, STIMULI) : input;
    return {
      ...{ name, graph: exposedPieces(model, values) },
      ...{ input: { ...tensor, name: plan.name }, optimization },
    };
  }
  throw new VentralError('stimuli-too-few', `${name}: there is no stimulus to try a provider with`);
}

/** The first rows of a batch, copied: its memory is used again. */
function firstOf({ dtype, dims, data }: Tensor, count: number): Tensor {
  const [batch, ...own] = dims;
  const rows = Math.min(batch, count);
  const length = (data.length / batch) * rows;
  return { dtype, dims: [rows, ...own], data: data.slice(0, length) as Tensor['data'] };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

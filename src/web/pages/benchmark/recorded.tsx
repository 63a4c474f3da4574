import type { Schemas } from '../../client/client.js';
import { Scroll } from '../../parts/scroll.js';
import { Term, type TermName } from '../../parts/words/term.js';

type Data = Schemas['BenchmarkData'];

/** Stimuli, recordings and trials of each benchmark in numbers; where they are not here, why. */
export function Recorded({ items }: { readonly items: readonly Data[] }) {
  const reasons = [...new Set(items.flatMap(reasonsOf))];
  const facts = items.map((item) => factsOf(item));
  const names = [...new Set(facts.flatMap((each) => [...each.keys()]))];
  return (
    <>
      {reasons.map((reason) => (
        <p class="notice" key={reason}>
          <bdi>{reason}</bdi>
        </p>
      ))}
      <Scroll label="Recordings">
        <table class="recorded">
          {items.length > 1 && (
            <thead>
              <tr>
                <td />
                {items.map(({ id }) => (
                  <th scope="col" key={id}>
                    <bdi>{id}</bdi>
                  </th>
                ))}
              </tr>
            </thead>
          )}
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <th scope="row">{terms[name] ? <Term of={terms[name]}>{name}</Term> : name}</th>
                {facts.map((each, i) => (
                  <td key={items[i].id}>
                    <bdi>{each.get(name) ?? '–'}</bdi>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

/** Names of facts that the glossary explains. */
const terms: Readonly<Record<string, TermName>> = {
  Region: 'region',
  Stimuli: 'stimulus-set',
  Size: 'visual-degrees',
  Neuroids: 'neuroid',
  Presentations: 'presentation',
  'Fitting stimuli of the read-out': 'read-out',
  Property: 'single-neuron-properties',
};

const reasonsOf = ({ stimuli, fittingStimuli, recordings, trials, rdms, neurons }: Data) =>
  [stimuli, fittingStimuli, recordings, trials, rdms, neurons].flatMap((part) =>
    part && 'reason' in part ? [part.reason] : [],
  );

function factsOf(item: Data): Map<string, string> {
  const { region, stimuli, fittingStimuli, recordings, trials, timeWindow, timeStep, published } =
    item;
  const facts = new Map<string, string>();
  const tell = (name: string, text: string | null | undefined) => text && facts.set(name, text);
  tell('Region', region ?? 'behaviour');
  if ('stimuli' in stimuli) {
    tell('Stimuli', count(stimuli.stimuli));
    tell('Size', stimuli.degrees && `${range(stimuli.degrees)}° of visual angle`);
  } else tell('Stimuli', published && publishedShape(published, 'stimuli'));
  if (fittingStimuli && 'stimuli' in fittingStimuli)
    tell(
      item.neurons ? 'Gratings for mapping receptive fields' : 'Fitting stimuli of the read-out',
      count(fittingStimuli.stimuli),
    );
  if (recordings && 'neuroids' in recordings) {
    const { neuroids, animals, presentations, repetitions } = recordings;
    tell('Neuroids', count(neuroids));
    tell('Neuroids by animal', animals && byAnimal(animals));
    tell('Presentations', count(presentations));
    tell('Presentations per stimulus', range(repetitions));
  } else if (recordings) tell('Neuroids', published && publishedShape(published, 'neuroids'));
  tell('Time window', timeWindow && `${timeWindow[0]} to ${timeWindow[1]} ms, averaged`);
  tell('Time bins', timeStep && `${timeStep.step} ${timeStep.unit} each, compared separately`);
  if (trials && 'trials' in trials) {
    tell('Trials', count(trials.trials));
    tell('Subjects', trials.subjects === null ? null : count(trials.subjects));
  }
  if (item.rdms && 'subjects' in item.rdms) tell('Subjects', count(item.rdms.subjects));
  if (item.neurons && 'property' in item.neurons) {
    const { property, unit, neurons, withoutValue } = item.neurons;
    tell('Property', `${property.replaceAll('_', ' ')}${unit ? ` (${unit})` : ''}`);
    tell('Neurons', count(neurons));
    if (withoutValue > 0) tell('Neurons without the property', count(withoutValue));
  }
  if (item.excludedConditions.length > 0)
    tell('Excluded conditions', item.excludedConditions.join(', '));
  tell('Note', item.caution);
  for (const { identifier, kind, licence, terms } of item.licences)
    tell(`Licence of the ${kind} ${identifier}`, licence ? `${licence}. ${terms}` : terms);
  return facts;
}

const count = (number: number) => number.toLocaleString();
const range = ([low, high]: readonly number[]) => (low === high ? count(low) : `${low} to ${high}`);
const byAnimal = (animals: Readonly<Record<string, number>>) =>
  Object.entries(animals)
    .map(([animal, neuroids]) => `${animal}: ${neuroids}`)
    .join(', ');

/** What the original project says of data that are not here. */
function publishedShape(
  published: NonNullable<Data['published']>,
  of: 'stimuli' | 'neuroids',
): string | null {
  const shape = published.shape as Readonly<Record<string, number>> | undefined;
  return shape ? `${count(shape[of])} (as published)` : null;
}

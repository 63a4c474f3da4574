import { answer, client } from '../../client/client.js';
import { Problem } from '../../parts/problem.js';
import { FeaturesChip } from '../../parts/provenance.js';
import { Scroll } from '../../parts/scroll.js';
import { useTitle } from '../../parts/title.js';
import { useResource } from '../../parts/use-resource.js';

/** Features that were computed elsewhere and scored in place of a model. */
export function FeaturesPage({ id }: { readonly id: string }) {
  const { data, error } = useResource(
    (signal) =>
      answer(client.GET('/features/{features}', { params: { path: { features: id } }, signal })),
    [id],
  );
  useTitle(data?.name ?? 'Features');
  if (error) return <Problem error={error} />;
  if (!data) return <p aria-live="polite">Loading…</p>;
  return (
    <>
      <h1>
        <bdi>{data.name}</bdi>
        <FeaturesChip model={data.id} />
      </h1>
      <p>
        Activations of these layers for {data.stimuli.toLocaleString()} stimuli, computed elsewhere;
        the service does not have their network. Owner <bdi>{data.owner}</bdi>, {data.visibility}.{' '}
        <a href={data.links.content}>Download the file</a>
      </p>
      <Scroll label="Layers">
        <table>
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col" class="number">
                Units
              </th>
            </tr>
          </thead>
          <tbody>
            {data.layers.map(({ name, units }) => (
              <tr key={name}>
                <th scope="row">
                  <bdi>{name}</bdi>
                </th>
                <td class="number">{units.toLocaleString()}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

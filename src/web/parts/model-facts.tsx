import { weightsMeanings } from '../../figure/provenance.js';
import type { Schemas } from '../client/client.js';
import { bytes, moment } from './format.js';

type Model = Schemas['Model'];
type GraphValue = Schemas['GraphValue'];

/** What a model is: whose, which bytes, which graph. */
export function ModelFacts({ model }: { readonly model: Model }) {
  return (
    <>
      <Facts model={model} />
      {model.warnings.map(({ code, detail }) => (
        <p class="notice" key={code + detail}>
          <strong>Check the card:</strong> <bdi>{detail}</bdi>
        </p>
      ))}
    </>
  );
}

function Facts({ model }: { readonly model: Model }) {
  const { id, digest, owner, group, visibility, size, weights, graph, createdAt } = model;
  const { opset, nodes, parameters, inputs = [], outputs = [] } = graph;
  return (
    <dl class="facts">
      <dt>Id</dt>
      <dd>
        <code>{id}</code>
      </dd>
      <dt>Owner</dt>
      <dd>
        <bdi>{owner}</bdi>
        {createdAt === null ? ' (ships with ventral)' : `, ${moment(createdAt)}`}
      </dd>
      <dt>Visible to</dt>
      <dd>
        {VISIBILITIES[visibility]}
        {visibility === 'group' && group && (
          <>
            {' '}
            <bdi>{group}</bdi>
          </>
        )}
      </dd>
      <dt>Digest</dt>
      <dd>
        <code>{digest}</code>
      </dd>
      <dt>File</dt>
      <dd>
        ONNX, {bytes(size)}
        {opset !== undefined && `, opset ${opset}`}
      </dd>
      <dt>Weights</dt>
      <dd>
        {weights
          ? weightsMeanings[weights]
          : 'The card does not say whether the weights are trained.'}
      </dd>
      <dt>Network</dt>
      <dd>
        {[
          ...(parameters === undefined ? [] : [`${parameters.toLocaleString()} parameters`]),
          ...(nodes === undefined ? [] : [`${nodes.toLocaleString()} nodes`]),
        ].join(', ') || '–'}
      </dd>
      <dt>Inputs</dt>
      <dd>{inputs.map(valueText).join('; ') || '–'}</dd>
      <dt>Outputs</dt>
      <dd>{outputs.map(valueText).join('; ') || '–'}</dd>
    </dl>
  );
}

const VISIBILITIES: Readonly<Record<Schemas['Visibility'], string>> = {
  private: 'only the owner',
  group: 'the group',
  public: 'everyone',
};

const valueText = ({ name, dtype, dims }: GraphValue) =>
  `${name}${dims ? ` ${dims.map((size) => size ?? '?').join(' × ')}` : ''}${dtype ? ` ${dtype}` : ''}`;

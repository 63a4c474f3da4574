import { Fragment } from 'preact';
import { factNames, facts, factText } from '../../figure/fact-words.js';
import { weightsMeanings } from '../../figure/provenance.js';
import type { Schemas } from '../client/client.js';
import { bytes, moment } from './format.js';

type Model = Schemas['Model'];
type GraphValue = Schemas['GraphValue'];

/** What a model is: whose, which bytes, which graph. */
export function ModelFacts({ model }: { readonly model: Model }) {
  return (
    <>
      <ModelIdentity model={model} />
      <FileFacts model={model} />
      <CardWarnings model={model} />
    </>
  );
}

/** What is most likely wrong in the card. */
export function CardWarnings({ model }: { readonly model: Model }) {
  return model.warnings.map(({ code, detail }) => (
    <p class="notice" key={code + detail}>
      <strong>Check the card:</strong> <bdi>{detail}</bdi>
    </p>
  ));
}

/** Whose it is, and what its card says of it. */
export function ModelIdentity({ model }: { readonly model: Model }) {
  const { owner, group, visibility, weights, metadata, createdAt } = model;
  const known = factNames.flatMap((name) => {
    const text = factText(name, metadata);
    return text === undefined ? [] : [{ name, text }];
  });
  return (
    <dl class="facts">
      {known.map(({ name, text }) => (
        <Fragment key={name}>
          <dt>{facts[name].title}</dt>
          <dd>
            <bdi>{text}</bdi>
          </dd>
        </Fragment>
      ))}
      <dt>Weights</dt>
      <dd>
        {weights
          ? weightsMeanings[weights]
          : 'The card does not say whether the weights are trained.'}
      </dd>
      <dt>Owner</dt>
      <dd>
        <bdi>{owner}</bdi>
        {createdAt === null ? ' (ships with ventral)' : `, ${moment(createdAt)}`}
      </dd>
      <dt>Visible to</dt>
      <dd>
        {visibleTo[visibility]}
        {visibility === 'group' && group && (
          <>
            {' '}
            <bdi>{group}</bdi>
          </>
        )}
      </dd>
    </dl>
  );
}

/** Its bytes and its graph. */
export function FileFacts({ model: { id, digest, size, graph } }: { readonly model: Model }) {
  const { opset, nodes, parameters, precision, inputs = [], outputs = [] } = graph;
  return (
    <dl class="facts">
      <dt>Id</dt>
      <dd>
        <code>{id}</code>
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
      <dt>Precision</dt>
      <dd>{precision ?? '–'}</dd>
      <dt>Network</dt>
      <dd>
        {[
          ...(parameters === undefined
            ? []
            : [`${parameters.toLocaleString()} floating-point values stored`]),
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

/** To whom something is visible, in words. */
export const visibleTo: Readonly<Record<Schemas['Visibility'], string>> = {
  private: 'only the owner',
  group: 'the group',
  public: 'everyone',
};

const valueText = ({ name, dtype, dims }: GraphValue) =>
  `${name}${dims ? ` ${dims.map((size) => size ?? '?').join(' × ')}` : ''}${dtype ? ` ${dtype}` : ''}`;

import { Fragment } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import type { Column, Item } from '../../parts/board-column.js';
import { interval, value } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { FeaturesChip, OriginChip, WeightsChip } from '../../parts/provenance.js';
import {
  BROUGHT,
  choiceOf,
  errorOfRaw,
  errorOfValue,
  floorLines,
  generalisationWords,
  selectionOf,
} from '../../parts/score-words.js';
import { useResource } from '../../parts/use-resource.js';
import { Term } from '../../parts/words/term.js';

const WIDTH = 320;
const HEIGHT = 300;

/** What stands behind a score: raw value, ceiling, layer. It closes by Escape, or by a press elsewhere. */
export function ScoreDetail({
  asked: { item, column, at },
  close,
}: {
  readonly asked: Asked;
  readonly close: () => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const { job } = item.scores[column.id];
  const { data, error } = useResource(
    (signal) => answer(client.GET('/scores/{job}', { params: { path: { job } }, signal })),
    [job],
  );
  useEffect(() => {
    box.current?.showPopover();
    box.current?.focus();
  }, [item, column]);
  const score = data?.results.find(({ benchmark }) => benchmark === column.benchmark);
  return (
    <div
      popover="auto"
      class="score-detail"
      role="dialog"
      aria-label={`${column.benchmark}, ${item.name}`}
      tabIndex={-1}
      ref={box}
      style={{
        left: `${Math.max(0, Math.min(at.left, window.innerWidth - WIDTH))}px`,
        top: `${Math.max(0, Math.min(at.bottom + 4, window.innerHeight - HEIGHT))}px`,
      }}
      onToggle={(event) => (event as ToggleEvent).newState === 'closed' && close()}
    >
      <p>
        <strong>{column.title}</strong>
        <OriginChip origin={column.origin} /> <bdi>{item.name}</bdi>
        <WeightsChip weights={item.weights} />
        <FeaturesChip model={item.model} />
      </p>
      {error && <Problem error={error} />}
      {score && <Facts score={score} brought={item.scores[column.id].brought} />}
      {data && !score && <p>The job no longer has this score.</p>}
      <p>
        <a href={`/scores/${encodeURIComponent(job)}`}>Job</a>
      </p>
    </div>
  );
}

type Score = Schemas['Score'];

function Facts({ score, brought }: { readonly score: Score; readonly brought: boolean }) {
  const { raw, ceiling, warnings } = score;
  return (
    <dl class="facts">
      <dt>Score</dt>
      <dd>
        {value(score.value)} {interval(score.ci)} {errorOfValue(score)}
      </dd>
      {score.generalises && (
        <>
          <dt>Interval generalises to</dt>
          <dd>{generalisationWords(score.generalises)}</dd>
        </>
      )}
      <dt>
        <Term of="raw">Raw</Term>
      </dt>
      <dd>
        {value(raw.value)} {errorOfRaw(score)}
      </dd>
      <dt>
        <Term of="ceiling">Ceiling</Term>
      </dt>
      <dd>{ceiling ? withError(ceiling) : 'none'}</dd>
      <dt>Formula</dt>
      <dd>{score.formula}</dd>
      {score.parts?.values.map((part) => (
        <Fragment key={part.name}>
          <dt>
            <bdi>{part.name}</bdi>
          </dt>
          <dd>
            {value(part.value)} (raw {value(part.raw)})
          </dd>
        </Fragment>
      ))}
      <dt>
        <Term of="layer">Layer</Term>
      </dt>
      <dd>
        {score.layer} ({choiceOf(score)})
      </dd>
      {score.selection && (
        <>
          <dt>
            † <Term of="selection">Selection</Term>
          </dt>
          <dd>{selectionOf(score)}</dd>
        </>
      )}
      {floorLines(score.floors).map((line) => (
        <Fragment key={line}>
          <dt>Floor</dt>
          <dd>{line}</dd>
        </Fragment>
      ))}
      {brought && (
        <>
          <dt>
            ‡ <Term of="external-score">External</Term>
          </dt>
          <dd>{BROUGHT}</dd>
        </>
      )}
      {warnings.map(({ code, detail }) => (
        <Fragment key={code + detail}>
          <dt>Warning</dt>
          <dd>{detail}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

const withError = ({ value: of, error }: { value: number | null; error?: number | null }) =>
  `${value(of)}${error === null || error === undefined ? '' : ` ± ${error.toFixed(3)}`}`;

/** The score whose details are shown. */
export interface Asked {
  readonly item: Item;
  readonly column: Extract<Column, { kind: 'benchmark' }>;
  /** Where it stands in the window. */
  readonly at: DOMRect;
}

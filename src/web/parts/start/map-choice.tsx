import { type Benchmark, nameOf, type Role, roles } from './benchmark-groups.js';

/** What a layer map is asked for with. */
export interface MapRequest {
  readonly regions: readonly Role[];
  /** Ids of benchmarks, beside those of the regions. */
  readonly benchmarks: readonly string[];
  readonly holdout: boolean;
  readonly components: boolean;
  readonly nested: boolean;
  readonly floors: boolean;
}

export const noMap: MapRequest = {
  regions: [],
  benchmarks: [],
  holdout: false,
  components: false,
  nested: false,
  floors: false,
};

/** As many as Brain-Score takes. */
const COMPONENTS = 1000;

/** The body of a request for a map; undefined if none is wanted. */
export function mapBody(
  model: string,
  { regions, benchmarks, holdout, components, nested, floors }: MapRequest,
) {
  if (regions.length + benchmarks.length === 0) return undefined;
  return {
    model,
    ...(regions.length > 0 ? { regions: [...regions] } : {}),
    ...(benchmarks.length > 0 ? { benchmarks: [...benchmarks] } : {}),
    ...(holdout ? { holdout } : {}),
    ...(components ? { pca: COMPONENTS } : {}),
    ...(nested ? { nested: true as const } : {}),
    ...(floors ? { null: ['rows' as const] } : {}),
  };
}

interface MapChoiceProps {
  readonly map: MapRequest;
  /** Benchmarks that can be mapped on by their names. */
  readonly benchmarks: readonly Benchmark[];
  readonly change: (map: MapRequest) => void;
}

/** On which recordings every layer is scored, to find the one that represents a region. */
export function MapChoice({ map, benchmarks, change }: MapChoiceProps) {
  const { regions, benchmarks: chosen, holdout, components, nested, floors } = map;
  return (
    <fieldset>
      <legend>Layer map</legend>
      <p class="quiet">
        Scores every layer on each of these to find the layer that represents it best. A region is
        mapped on its public recordings if they are installed, otherwise on simulated ones.
      </p>
      <div class="controls">
        {roles.map((role) => (
          <Box
            key={role}
            says={role}
            checked={regions.includes(role)}
            onChange={(on) =>
              change({
                ...map,
                regions: roles.filter((one) => (one === role ? on : regions.includes(one))),
              })
            }
          />
        ))}
      </div>
      {benchmarks.length > 0 && (
        <details open={chosen.length > 0}>
          <summary>Map on uploaded or installed recordings ({chosen.length} selected)</summary>
          <div class="choices">
            {benchmarks.map((benchmark) => (
              <Box
                key={benchmark.id}
                says={`Map on ${nameOf(benchmark)}`}
                checked={chosen.includes(benchmark.id)}
                onChange={(on) =>
                  change({
                    ...map,
                    benchmarks: on
                      ? [...chosen, benchmark.id]
                      : chosen.filter((one) => one !== benchmark.id),
                  })
                }
              />
            ))}
          </div>
        </details>
      )}
      <details open={holdout || components || nested || floors}>
        <summary>More options</summary>
        <Box
          says="Hold out half of the stimuli: choose on one half, score on the other"
          checked={holdout}
          disabled={components || nested}
          onChange={(on) => change({ ...map, holdout: on })}
        />
        <Box
          says="Also compare on 1,000 principal components, and choose layers by them as Brain-Score does"
          checked={components}
          disabled={holdout || nested || floors}
          onChange={(on) => change({ ...map, components: on })}
        />
        <Box
          says="Also choose a layer on the training part of each split and score it on the test part (nested; slower)"
          checked={nested}
          disabled={holdout || components}
          onChange={(on) => change({ ...map, nested: on })}
        />
        <Box
          says="Floor of each cell: its score with permuted stimuli (20 times as much scoring)"
          checked={floors}
          disabled={components}
          onChange={(on) => change({ ...map, floors: on })}
        />
      </details>
    </fieldset>
  );
}

interface BoxProps {
  readonly says: string;
  readonly checked: boolean;
  readonly disabled?: boolean;
  readonly onChange: (on: boolean) => void;
}

function Box({ says, checked, disabled = false, onChange }: BoxProps) {
  return (
    <label class="inline">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
      <bdi>{says}</bdi>
    </label>
  );
}

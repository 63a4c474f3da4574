import { interval, value } from '../format.js';
import { mapColumns, type ShownMap } from '../layer-map.js';
import { Scroll } from '../scroll.js';

/** The score of layers that were chosen within the training part of each split, beside the selected one. */
export function NestedTable({ map }: { readonly map: ShownMap }) {
  const { nested } = map;
  if (!nested) return null;
  const columns = mapColumns(map);
  const selected = (benchmark: string) => {
    const column = columns.find((each) => each.benchmark === benchmark);
    return column?.cells.get(column.chosen ?? '')?.value;
  };
  return (
    <Scroll label="Nested choice">
      <table>
        <caption>
          Nested: in each split, the layer was chosen on the training part and scored on the test
          part. A selected value is the highest of all layers on the same stimuli, and so biased
          upwards.
        </caption>
        <thead>
          <tr>
            <th scope="col">Benchmark</th>
            <th scope="col" class="number">
              Selected
            </th>
            <th scope="col" class="number">
              Nested
            </th>
            <th scope="col">95 % interval</th>
            <th scope="col">Layer chosen on training parts</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(nested).map(([benchmark, cell]) => (
            <tr key={benchmark}>
              <th scope="row">
                <bdi>{benchmark}</bdi>
              </th>
              <td class="number">{value(selected(benchmark))}</td>
              {'reason' in cell ? (
                <td colSpan={3}>{cell.reason}</td>
              ) : (
                <>
                  <td class="number">{value(cell.value)}</td>
                  <td>{interval(cell.ci) || '–'}</td>
                  <td>
                    <bdi class="layer">
                      {cell.layers.map(({ layer, splits }) => `${layer} (${splits})`).join(', ')}
                    </bdi>{' '}
                    of {cell.splits.length} splits
                  </td>
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

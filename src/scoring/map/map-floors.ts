import type { MappedLayers } from './layer-map.js';
import type { LayerMap } from './layer-map-types.js';

/** The map with the floors in its rows, for what is shown: receipts do not hold them. */
export function withFloors({ map, floors }: Pick<MappedLayers, 'map' | 'floors'>): LayerMap {
  if (!floors) return map;
  const own = (layer: string) =>
    Object.fromEntries(
      [...floors].flatMap(([id, column]) => {
        const found = column.get(layer);
        return found ? [[id, found]] : [];
      }),
    );
  return { ...map, layers: map.layers.map((row) => ({ ...row, floors: own(row.layer) })) };
}

import type { BenchmarkPages } from '../benchmark-pages.js';
import { onComponents, type ShownMap } from '../layer-map.js';
import { LayerHeatmap } from './layer-heatmap.js';

/** The layers of a map on principal components, where it has them. */
export function ComponentsMap({
  map,
  pages,
}: {
  readonly map: ShownMap;
  readonly pages: BenchmarkPages | undefined;
}) {
  const reduced = onComponents(map);
  if (!reduced) return null;
  return (
    <section aria-label="On principal components">
      <h3>On principal components</h3>
      <p class="quiet">
        Brain-Score’s choice: each layer is projected onto principal components of ImageNet images,
        and the layer with the highest value is taken. The map above compares whole layers.
      </p>
      <LayerHeatmap
        map={reduced}
        label="Layers by benchmarks on principal components"
        pages={pages}
      />
    </section>
  );
}

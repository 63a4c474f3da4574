import type { PlacedBenchmark } from './benchmark-pages.js';
import { OriginChip } from './provenance.js';

/** A benchmark under its identifier, leading to its page if it has one, with where its data come from. */
export function BenchmarkName({
  id,
  simulated,
  of,
}: {
  readonly id: string;
  readonly simulated: boolean;
  /** Undefined for one that is not here any more. */
  readonly of: PlacedBenchmark | undefined;
}) {
  const name = <bdi>{id}</bdi>;
  return (
    <>
      {of ? <a href={of.page}>{name}</a> : name}
      <OriginChip origin={simulated ? 'simulated' : of?.origin} />
    </>
  );
}

/** A benchmark under its identifier, leading to its page if it has one. */
export function BenchmarkName({
  id,
  page,
}: {
  readonly id: string;
  readonly page: string | undefined;
}) {
  const name = <bdi>{id}</bdi>;
  return page ? <a href={page}>{name}</a> : name;
}

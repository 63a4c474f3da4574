import { useTitle } from '../../parts/title.js';

export function BenchmarksPage() {
  useTitle('Benchmarks');
  return <h1>Benchmarks</h1>;
}

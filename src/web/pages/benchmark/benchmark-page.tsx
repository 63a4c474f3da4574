import { useTitle } from '../../parts/title.js';

export function BenchmarkPage() {
  useTitle('Benchmark');
  return <h1>Benchmark</h1>;
}

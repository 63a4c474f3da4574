import { useTitle } from '../../parts/title.js';

export function ComparePage() {
  useTitle('Compare');
  return <h1>Compare</h1>;
}

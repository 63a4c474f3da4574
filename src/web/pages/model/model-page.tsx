import { useTitle } from '../../parts/title.js';

export function ModelPage() {
  useTitle('Model');
  return <h1>Model</h1>;
}

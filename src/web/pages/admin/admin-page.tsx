import { useTitle } from '../../parts/title.js';

export function AdminPage() {
  useTitle('Service');
  return <h1>Service</h1>;
}

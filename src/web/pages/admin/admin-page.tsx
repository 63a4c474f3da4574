import { useState } from 'preact/hooks';
import { useSession } from '../../client/session.js';
import { useTitle } from '../../parts/title.js';
import './admin.css';
import { Audit } from './audit.js';
import { Figures, Health } from './health.js';
import { Keys } from './keys.js';
import { Queue } from './queue.js';
import { Workers } from './workers.js';

/** The service itself: its health and queue; for admins also workers, keys, and who changed what. */
export function AdminPage() {
  useTitle('Service');
  const { caller } = useSession();
  const [changes, setChanges] = useState(0);
  return (
    <div class="admin">
      <h1>Service</h1>
      <div class="side-by-side">
        <Health />
        {caller?.role === 'admin' && <Figures />}
      </div>
      <Queue />
      {caller?.role === 'admin' && (
        <>
          <Workers />
          <Keys changed={() => setChanges((count) => count + 1)} />
          <Audit changes={changes} />
        </>
      )}
      {caller && caller.role !== 'admin' && (
        <p class="notice">
          Only admins see workers, keys and the audit log; your key has the role {caller.role}. The
          list shows the jobs that you may see.
        </p>
      )}
    </div>
  );
}

import { pipeline } from 'node:stream/promises';
import { Router } from 'express';
import { packageVersion } from '../../formats/package-root.js';
import { writeBackup } from '../backup/write-backup.js';
import { principalOf, requireAdmin } from '../http/principal-of.js';
import type { ServiceContext } from '../registry/context.js';

/** GET `/backup`: everything, for admins. */
export function backupRoutes({ store, log }: ServiceContext): Router {
  const router = Router();
  router.get('/backup', async (_request, response) => {
    const principal = principalOf(response);
    requireAdmin(principal);
    const archive = await writeBackup(store, packageVersion);
    // Before the first byte, and after the moment that the archive shows.
    await store.audit.note(principal, { action: 'backup.download', target: 'backup' });
    response.attachment('ventral-backup.zip').type('application/zip');
    // A disconnected client is not an error; a connected one must see that the archive is truncated.
    await pipeline(archive, response).catch((err) =>
      log.warn({ err }, 'A backup was not downloaded completely'),
    );
  });
  return router;
}

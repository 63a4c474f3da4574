import { Router } from 'express';
import { VentralError } from '../../errors/ventral-error.js';
import { checkHome } from '../backup/fsck.js';
import { goneSignal } from '../http/client.js';
import { principalOf, requireAdmin } from '../http/principal-of.js';
import type { ServiceContext } from '../registry/context.js';
import { peerFiles } from '../worker/worker-files.js';

/** So often a space keeps the connection of a long check open. */
const SPACE_MS = 10_000;

/** POST `/fsck`: reads all that the home keeps, for admins; one at a time. */
export function fsckRoutes({ store, home, log, closing }: ServiceContext): Router {
  const router = Router();
  let running = false;
  router.post('/fsck', async (request, response) => {
    const principal = principalOf(response);
    requireAdmin(principal);
    if (running) throw new VentralError('conflict', 'The files are being checked already');
    const { heal = false, quarantine = false } = request.body as {
      heal?: boolean;
      quarantine?: boolean;
    };
    const detail = { heal, quarantine };
    await store.audit.note(principal, { action: 'files.check', target: 'home', detail });
    running = true;
    response.status(200).type('application/json').flushHeaders();
    // White space before a JSON text belongs to it.
    const spaces = setInterval(() => response.write(' '), SPACE_MS);
    try {
      const signal = AbortSignal.any([goneSignal(response), closing]);
      const peer = peerFiles(process.env);
      const report = await checkHome({ home, store, heal, quarantine, peer, signal });
      if (!report.ok) log.error({ findings: report.findings }, 'Stored files are damaged');
      response.end(JSON.stringify(report));
    } catch (error) {
      // The client has disconnected.
      if (!goneSignal(response).aborted) throw error;
    } finally {
      clearInterval(spaces);
      running = false;
    }
  });
  return router;
}

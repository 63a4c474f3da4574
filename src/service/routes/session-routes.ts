import { Router } from 'express';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { packageVersion } from '../../formats/package-root.js';
import type { HomeStore } from '../../store/home-store.js';
import type { Principal } from '../../store/records/principal.js';
import type { Authentication } from '../http/authentication.js';
import { principalOf } from '../http/principal-of.js';
import {
  countedSession,
  noSessionCookie,
  ownPage,
  sentSession,
  sessionCookie,
} from '../http/session-cookie.js';
import type { ServiceContext } from '../registry/context.js';

/** `/session`: who asks; a browser signs in, which gives it a cookie, and out. */
export function sessionRoutes({ store }: ServiceContext, authentication: Authentication): Router {
  const { sessions } = store;
  const router = Router();
  router.get('/session', async (_request, response) => {
    response.json(await resource(store, principalOf(response)));
  });
  router.post('/session', async (request, response) => {
    // Otherwise another site could sign its visitor in with a foreign key.
    if (ownPage(request) === false) {
      throw new VentralError('forbidden', 'Only the pages of this service can sign a browser in');
    }
    const { key } = request.body as components['schemas']['SignIn'];
    const principal = await authentication.signIn(request, key);
    const before = sentSession(request);
    if (before !== undefined) await sessions.end(before);
    const session = await sessions.open(principal.key as string);
    const answer = await resource(store, principal);
    response.set('Set-Cookie', sessionCookie(session, request)).json(answer);
  });
  router.delete('/session', async (request, response) => {
    const session = countedSession(request);
    if (session !== undefined) await sessions.end(session);
    response.set('Set-Cookie', noSessionCookie).status(204).end();
  });
  return router;
}

async function resource(
  { keys, reservations }: HomeStore,
  principal: Principal,
): Promise<components['schemas']['Session']> {
  const { key, owner, groups, role } = principal;
  const name = key === null ? null : (await keys.get(key)).name;
  const storage = await reservations.usage(principal);
  return { key, name, owner, groups: [...groups], role, version: packageVersion, storage };
}

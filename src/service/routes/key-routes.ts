import { Router } from 'express';
import type { components } from '../../api/schema.js';
import type { AuditEntry } from '../../store/records/audit-store.js';
import type { KeyRecord, NewKey } from '../../store/records/key-store.js';
import { principalOf, requireAdmin } from '../http/principal-of.js';
import { readPage } from '../http/read-page.js';
import type { ServiceContext } from '../registry/context.js';

type KeyResource = components['schemas']['Key'];

/** `/keys` and `/audit`, only for admins. */
export function keyRoutes({ store }: ServiceContext): Router {
  const router = Router();
  router.use(['/keys', '/audit'], (_request, response, next) => {
    requireAdmin(principalOf(response));
    next();
  });
  router.get('/keys', async (request, response) => {
    const { items, next } = await store.keys.list(readPage(request.query));
    response.json({
      items: items.map(keyResource),
      next,
    } satisfies components['schemas']['KeyPage']);
  });
  router.post('/keys', async (request, response) => {
    const asked = request.body as components['schemas']['KeyRequest'];
    const { key, text } = await store.keys.create(principalOf(response), newKey(asked));
    const answer: components['schemas']['NewKey'] = { ...keyResource(key), key: text };
    response.status(201).location(answer.links.self).json(answer);
  });
  router.get('/keys/:key', async (request, response) => {
    response.json(keyResource(await store.keys.get(request.params.key)));
  });
  router.delete('/keys/:key', async (request, response) => {
    const revoked = await store.keys.revoke(principalOf(response), request.params.key);
    response.json(keyResource(revoked));
  });
  router.get('/audit', async (request, response) => {
    const { items, next } = await store.audit.list(readPage(request.query));
    response.json({
      items: items.map(auditResource),
      next,
    } satisfies components['schemas']['AuditPage']);
  });
  return router;
}

function newKey({ expiresAt, ...key }: components['schemas']['KeyRequest']): NewKey {
  return { ...key, ...(expiresAt ? { expiresAt: new Date(expiresAt) } : {}) };
}

/** A key as HTTP shows it, without its text. */
export function keyResource(key: KeyRecord): KeyResource {
  return {
    id: key.id,
    name: key.name,
    role: key.role,
    owner: key.owner,
    groups: [...key.groups],
    createdAt: key.createdAt.toISOString(),
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
    links: { self: `/v1/keys/${key.id}` },
  };
}

function auditResource({ at, detail, ...entry }: AuditEntry): components['schemas']['AuditEntry'] {
  return {
    id: entry.id,
    at: at.toISOString(),
    key: entry.key,
    owner: entry.owner,
    action: entry.action,
    target: entry.target,
    detail: (detail ?? null) as components['schemas']['AuditEntry']['detail'],
  };
}

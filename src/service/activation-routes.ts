import { Router } from 'express';
import type { ServiceContext } from './context.js';

/** `/activations`: what layers answer to stimuli. */
export function activationRoutes(_context: ServiceContext): Router {
  const router = Router();
  return router;
}

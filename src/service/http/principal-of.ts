import type { Response } from 'express';
import { VentralError } from '../../errors/ventral-error.js';
import { mayChange, type Principal } from '../../store/records/principal.js';

/** Who asks, as authentication left it with the answer. */
export function principalOf(response: Response): Principal {
  const { principal } = response.locals;
  if (!principal) throw new Error('a route stands before authentication');
  return principal as Principal;
}

/** @throws VentralError `forbidden` if a principal may see but not change the resources of an owner */
export function requireChange(principal: Principal, of: { readonly owner: string }): void {
  if (!mayChange(principal, of)) {
    throw new VentralError('forbidden', 'Only its owner and admins may change this');
  }
}

/** @throws VentralError `forbidden` for callers other than admins */
export function requireAdmin({ role }: Principal): void {
  if (role !== 'admin') throw new VentralError('forbidden', 'Only admins may do this');
}

import { VentralError } from '../errors/ventral-error.js';
import type { Visibility } from '../store/model-store.js';

const visibilities: readonly string[] = ['private', 'group', 'public'] satisfies Visibility[];

/** The part `visibility` of a form, if it is there. Throws `invalid-request`. */
export function readVisibility(fields: ReadonlyMap<string, string>): Visibility | undefined {
  const visibility = fields.get('visibility');
  if (visibility !== undefined && !visibilities.includes(visibility)) {
    throw new VentralError(
      'invalid-request',
      `visibility: expected one of ${visibilities.join(', ')}, found "${visibility}"`,
      { field: '/visibility' },
    );
  }
  return visibility as Visibility | undefined;
}

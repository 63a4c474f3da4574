import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Visibility } from '../../store/records/model-store.js';
import type { Principal } from '../../store/records/principal.js';

/** The visibility requested for a registration. */
export interface AskedAccess {
  readonly visibility?: Visibility;
  readonly group?: string;
}

/** Who sees a registration. */
export interface Access {
  readonly visibility: Visibility;
  readonly group: string | null;
}

const visibilities: readonly string[] = ['private', 'group', 'public'] satisfies Visibility[];

/**
 * The optional parts `visibility` and `group` of a form.
 * @throws VentralError `invalid-request`
 */
export function readAccess(fields: ReadonlyMap<string, string>): AskedAccess {
  const visibility = fields.get('visibility');
  const group = fields.get('group');
  if (visibility !== undefined && !visibilities.includes(visibility)) {
    throw new VentralError(
      'invalid-request',
      `visibility: expected one of ${visibilities.join(', ')}, found "${visibility}"`,
      { field: '/visibility' },
    );
  }
  return {
    ...present({ visibility: visibility as Visibility, group }),
  };
}

/**
 * The visibility of a registration after a request. A principal may name only its own groups; an admin any. The
 * only group of a key need not be named.
 * @throws VentralError `group-unknown`
 * @param present the current visibility
 */
export function accessAfter(
  { role, groups }: Principal,
  asked: AskedAccess,
  present: Access = { visibility: 'private', group: null },
): Access {
  const { visibility = present.visibility } = asked;
  if (asked.group !== undefined && role !== 'admin' && !groups.includes(asked.group)) {
    throw new VentralError('group-unknown', `The key is not in a group "${asked.group}"`, {
      field: '/group',
    });
  }
  const only = groups.length === 1 ? groups[0] : null;
  const group = asked.group ?? present.group ?? (visibility === 'group' ? only : null);
  if (visibility === 'group' && group === null) {
    throw new VentralError(
      'group-unknown',
      '`group` is missing: it names the group that may see the resource',
      {
        field: '/group',
      },
    );
  }
  return { visibility, group };
}

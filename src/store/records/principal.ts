/** What a key may do: read; also create and change what its owner has; everything. */
export type Role = 'reader' | 'member' | 'admin';

/** Who asks (design §7). */
export interface Principal {
  /** Id of the key; null for the one user of a loopback service without keys, and for its commands. */
  readonly key: string | null;
  /** Registrations and jobs belong to an owner. */
  readonly owner: string;
  /** Registrations with visibility `group` are seen in their group. */
  readonly groups: readonly string[];
  readonly role: Role;
}

/** The only user of a service without keys, and callers over the socket in its home. */
export const localPrincipal: Principal = { key: null, owner: 'local', groups: [], role: 'admin' };

/** The owner of the service's own jobs; those on shipped models are visible to all. */
export const SERVICE_OWNER = 'ventral';

/** The service itself. */
export const servicePrincipal: Principal = { ...localPrincipal, owner: SERVICE_OWNER };

/** `$1`, `$2` and `$3` of every statement that {@link seen} or {@link JOB_SEEN} stands in. */
export const asking = ({ role, owner, groups }: Principal): readonly unknown[] => [
  role === 'admin',
  owner,
  groups,
];

/** SQL condition: the principal may see a registration. */
export const seen = (table: 'models' | 'benchmarks'): string =>
  `($1::boolean or ${table}.owner = $2::text or ${table}.visibility = 'public'
    or (${table}.visibility = 'group' and ${table}.group_name = any($3::text[])))`;

/**
 * SQL condition on `jobs`: the principal may see a job. Beside its owner's, it is a job on a registered
 * model that the principal may see, on no uploaded benchmark that it may not see. A training is its owner's alone.
 */
export const JOB_SEEN = `($1::boolean or jobs.owner = $2::text
    or (jobs.registration is null and jobs.owner = '${SERVICE_OWNER}')
    or (jobs.kind <> 'training' and exists (select from models where models.id = jobs.registration and ${seen('models')})
      and not exists (
        select from jsonb_array_elements_text(jobs.sources) as source (id)
        where starts_with(source.id, 'bmk_')
        and not exists (select from benchmarks where benchmarks.id = source.id and ${seen('benchmarks')})
      )))`;

/** Whether a principal may change or remove resources of an owner. */
export const mayChange = ({ role, owner }: Principal, of: { readonly owner: string }): boolean =>
  role === 'admin' || (role === 'member' && owner === of.owner);

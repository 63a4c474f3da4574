import { Ajv2020 } from 'ajv/dist/2020.js';
import { VentralError } from '../../errors/ventral-error.js';
import { infiniteNumber } from '../http/follows-description.js';
import type { LeaderboardQuery } from '../registry/leaderboard-query.js';

/** What of `openapi.yaml` is read here. */
interface Description {
  readonly paths: {
    readonly '/leaderboard': {
      readonly get: {
        readonly parameters: readonly { readonly name?: string; readonly $ref?: string }[];
      };
    };
  };
}

/**
 * Reads the address of the page as `GET /leaderboard` reads its query, by the same description. Parameters of the
 * page alone, such as hidden columns, are dropped.
 * @param description `openapi.yaml`
 * @returns throws `invalid-request` for what the resource would refuse
 */
export function addressReader(description: object): (address: URLSearchParams) => LeaderboardQuery {
  const ajv = new Ajv2020({ coerceTypes: 'array', removeAdditional: true, strict: false });
  ajv.addSchema(description, 'openapi', undefined, false);
  const { parameters } = (description as Description).paths['/leaderboard'].get;
  const properties = parameters.map(({ name, $ref }, k) =>
    $ref === undefined
      ? [name, { $ref: `openapi#/paths/~1leaderboard/get/parameters/${k}/schema` }]
      : [$ref.slice($ref.lastIndexOf('/') + 1), { $ref: `openapi${$ref}/schema` }],
  );
  const validate = ajv.compile<LeaderboardQuery>({
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(properties),
  });
  return (address) => {
    const query = valuesOf(address);
    if (validate(query)) {
      const refused = infiniteNumber(query);
      if (refused) throw refused;
      return query;
    }
    throw new VentralError(
      'invalid-request',
      ajv.errorsText(validate.errors, { dataVar: 'query' }),
    );
  };
}

/** Values by name: text, or a list if a name is repeated. Empty values are dropped. */
function valuesOf(address: URLSearchParams): Record<string, unknown> {
  const values = new Map<string, string | string[]>();
  for (const [name, value] of address) {
    const before = values.get(name);
    if (value !== '') values.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(values);
}

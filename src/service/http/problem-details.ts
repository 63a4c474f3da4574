import type { components } from '../../api/schema.js';

/** An RFC 9457 problem document as `openapi.yaml` describes it. */
export type Problem = components['schemas']['Problem'];

/** One part of a request that is wrong. */
export type ProblemPart = NonNullable<Problem['errors']>[number];

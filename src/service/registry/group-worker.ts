import {
  type GroupedModel,
  type ModelGroups,
  modelGroups,
} from '../../scoring/draws/model-groups.js';

/** The thread in which the groups of large boards are found (see `GroupService`). */
export default function groupsOf(models: readonly GroupedModel[]): ModelGroups {
  return modelGroups(models);
}

import type { RandomState } from '../../numerics/random/random-state.js';
import { uniform } from '../../numerics/random/random-stream.js';
import { type ObjectModel, objectModels } from './object-models.js';
import type { Pose, Rendering } from './render-object.js';

/** How far poses of a set spread: 0 is the usual view, 3 and 6 are hvm's words (spec §3.2). */
export type Variation = 0 | 3 | 6;

/** One image with everything that is known of it. */
export interface ObjectPicture extends Rendering {
  readonly object: ObjectModel;
  readonly pose: Pose;
  readonly variation: Variation;
}

/** A pose of the given variation. */
export function drawPose(random: RandomState, variation: Variation): Pose {
  const spread = variation / 6;
  const within = (reach: number) => spread * uniform(random, -reach, reach);
  return {
    tx: within(0.42),
    ty: within(0.42),
    scale: Math.exp(within(0.45)),
    roll: within(0.9),
    yaw: 1 - spread * uniform(random, 0, 0.5),
  };
}

/** The columns that hvm has for an image: object, category and pose (positions in half images). */
export function objectFields({ object, pose, variation }: ObjectPicture) {
  return {
    object_name: object.name,
    category_name: object.category,
    variation,
    s: pose.scale,
    tx: pose.tx,
    ty: pose.ty,
    roll: pose.roll,
    yaw: pose.yaw,
  };
}

/** Objects of the two-alternative task: the first three of each category. */
export const taskObjects: readonly ObjectModel[] = objectModels.filter((_, i) => i % 8 < 3);

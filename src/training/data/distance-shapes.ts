/**
 * Plane shapes as signed distances (Quilez, "2D distance functions"): negative inside, in the units of
 * their coordinates, y down. Only +, −, ·, / and √, so that every machine rounds them alike.
 */

/** Distance of a point to the border of a shape. */
export type Distance = (x: number, y: number) => number;

/** A point of the plane. */
export type Point = readonly [x: number, y: number];

const clamp = (value: number, low: number, high: number) =>
  value < low ? low : value > high ? high : value;

const length = (x: number, y: number) => Math.sqrt(x * x + y * y);

/** An ellipse around a centre with half axes; its distance is exact to first order. */
export function ellipse(centreX: number, centreY: number, a: number, b: number): Distance {
  const deepest = -Math.min(a, b);
  return (x, y) => {
    const p = (x - centreX) / a;
    const q = (y - centreY) / b;
    const radius = length(p, q);
    const slope = length(p / a, q / b);
    return slope === 0 ? deepest : (radius * (radius - 1)) / slope;
  };
}

/** An upright box around a centre with half sides, its corners rounded. */
export function box(
  centreX: number,
  centreY: number,
  a: number,
  b: number,
  rounding = 0,
): Distance {
  return (x, y) => {
    const p = Math.abs(x - centreX) - a + rounding;
    const q = Math.abs(y - centreY) - b + rounding;
    return length(Math.max(p, 0), Math.max(q, 0)) + Math.min(Math.max(p, q), 0) - rounding;
  };
}

/** All points nearer than `radius` to a line between two points. */
export function bar([fromX, fromY]: Point, [toX, toY]: Point, radius: number): Distance {
  const dx = toX - fromX;
  const dy = toY - fromY;
  const squared = dx * dx + dy * dy;
  return (x, y) => {
    const along = clamp(((x - fromX) * dx + (y - fromY) * dy) / squared, 0, 1);
    return length(x - fromX - along * dx, y - fromY - along * dy) - radius;
  };
}

/** An elliptic ring whose line is `width` to both sides of the ellipse. */
export function ring(
  centreX: number,
  centreY: number,
  a: number,
  b: number,
  width: number,
): Distance {
  const inner = ellipse(centreX, centreY, a, b);
  return (x, y) => Math.abs(inner(x, y)) - width;
}

/** A polygon through its corners. */
export function polygon(corners: readonly Point[]): Distance {
  const edges = corners.map(([toX, toY], i) => {
    const [fromX, fromY] = corners[(i + corners.length - 1) % corners.length];
    const dx = fromX - toX;
    const dy = fromY - toY;
    return { toX, toY, fromY, dx, dy, squared: dx * dx + dy * dy };
  });
  return (x, y) => {
    let nearest = Number.POSITIVE_INFINITY;
    let inside = false;
    for (const { toX, toY, fromY, dx, dy, squared } of edges) {
      const px = x - toX;
      const py = y - toY;
      const along = clamp((px * dx + py * dy) / squared, 0, 1);
      const ox = px - along * dx;
      const oy = py - along * dy;
      nearest = Math.min(nearest, ox * ox + oy * oy);
      if (toY > y !== fromY > y && px < (dx * py) / dy) inside = !inside;
    }
    return inside ? -Math.sqrt(nearest) : Math.sqrt(nearest);
  };
}

/** What two shapes have in common. */
export function both(one: Distance, other: Distance): Distance {
  return (x, y) => Math.max(one(x, y), other(x, y));
}

/** What the first shape has and the second has not. */
export function without(one: Distance, other: Distance): Distance {
  return (x, y) => Math.max(one(x, y), -other(x, y));
}

/** The half plane above a level (y points down). */
export function above(level: number): Distance {
  return (_, y) => y - level;
}

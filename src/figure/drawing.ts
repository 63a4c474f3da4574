/** A place in points (1/72 inch) from the upper left corner. */
export type Point = readonly [x: number, y: number];

/** What a drawing is made of. Lengths are points, colours `#rrggbb`. */
export type Shape =
  | {
      readonly kind: 'text';
      /** Where the base line starts, ends or has its middle. */
      readonly at: Point;
      readonly text: string;
      readonly size: number;
      readonly fill: string;
      readonly anchor?: 'start' | 'middle' | 'end';
      /** Reads from bottom to top. */
      readonly upward?: boolean;
    }
  | {
      readonly kind: 'line';
      readonly points: readonly Point[];
      readonly stroke: string;
      readonly width: number;
      readonly dash?: readonly [number, number];
    }
  | {
      readonly kind: 'area';
      readonly points: readonly Point[];
      readonly fill: string;
      readonly opacity?: number;
      /** Edge, of 0.75 points. */
      readonly stroke?: string;
    }
  | {
      readonly kind: 'circle';
      readonly at: Point;
      readonly radius: number;
      readonly fill: string;
      readonly stroke?: string;
    };

/** What stands at a place in words, for those who point at it or go there by the keyboard; nothing is drawn. */
export interface Tip {
  readonly kind: 'tip';
  readonly at: Point;
  readonly text: string;
}

/** A picture of fixed size, which is shown in a page and written as SVG, PNG and PDF. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly description: string;
  /** In the order in which they cover each other, on white. */
  readonly shapes: readonly Shape[];
  readonly tips: readonly Tip[];
}

/** Colours of figures: light ground; curves differ for red-green blindness and in grey. */
export const ink = {
  text: '#1a1c20',
  faint: '#5c626d',
  rule: '#dcdfe4',
  ground: '#ffffff',
  simulated: '#8a3b00',
  curves: ['#0b62a8', '#b8460a', '#6a3d9a'],
} as const;

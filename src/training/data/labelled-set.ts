/** An image as it is stored, with its class. */
export interface LabelledImage {
  /** height × width × 3, RGB, row-major. */
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
  /** Index into the classes of its set. */
  readonly label: number;
  /** height × width: 255 on the object, 0 on the background; absent if unknown. */
  readonly mask?: Uint8Array;
}

/** Images with classes, read one at a time: nothing larger than an image is held. */
export interface LabelledSet {
  readonly classes: readonly string[];
  /** Class of each example, in the order of the set. */
  readonly labels: Int32Array;
  /** `sha256:…` over everything that the images and labels are made of. */
  readonly digest: string;
  /** @throws VentralError `training-data-invalid`, naming the file, where a picture cannot be read */
  picture(index: number): Promise<LabelledImage>;
  close(): Promise<void>;
}

/** Where a set of a recipe comes from; paths are relative to the recipe. */
export type LabelledSource =
  /** One folder a class, in it its images. */
  | { readonly folder: string }
  /** A pair of IDX files (LeCun's MNIST format, `.gz` or not). */
  | { readonly images: string; readonly labels: string; readonly classes?: readonly string[] }
  /** Tar files as WebDataset lays them out (`train-{000..009}.tar`): `KEY.png` or `.jpg` and `KEY.cls`. */
  | { readonly shards: string; readonly classes?: readonly string[] }
  /** Objects on backgrounds, made from a seed. */
  | {
      readonly generate: 'objects-on-backgrounds';
      readonly seed: number;
      readonly count: number;
      /** Pixels of a side. */
      readonly side: number;
    };

export interface ShippedPackage {
  readonly name: string;
  readonly version: string;
  /** Undefined where nobody has looked. */
  readonly licence: string | undefined;
  readonly hasInstallScript: boolean;
}
export declare const bundled: readonly string[];
export declare function shipped(): ShippedPackage[];
export declare function isAllowed(licence: string | undefined): boolean;

/** An app as far as its metrics are concerned. */
export interface AppReference {
  readonly id: string;
}

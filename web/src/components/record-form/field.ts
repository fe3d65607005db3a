/** A record that is edited: plain data, as an input of the API has it. */
export type FormRecord = Readonly<Record<string, unknown>>;

interface Common {
  /** Name in the record. */
  readonly key: string;
  readonly label: string;
  readonly help?: string;
  /** Shown only while it is true of the record. */
  readonly when?: (record: FormRecord) => boolean;
}

export interface Option {
  readonly value: string | number;
  readonly label: string;
}

/** Options in this order with their labels; without labels the values are shown themselves. */
export function optionsOf<const Value extends string | number>(
  values: readonly Value[],
  label: (value: Value) => string = String,
): Option[] {
  return values.map((value) => ({ value, label: label(value) }));
}

/** One thing to fill in. An empty text or number is null: not set. */
export type Field =
  | (Common & { readonly kind: 'text'; readonly placeholder?: string; readonly mono?: boolean })
  /** Not to be read over a shoulder, nor kept by the browser. */
  | (Common & { readonly kind: 'secret'; readonly placeholder?: string })
  | (Common & { readonly kind: 'area'; readonly placeholder?: string })
  | (Common & {
      readonly kind: 'number';
      readonly min?: number;
      readonly max?: number;
      readonly step?: number;
      readonly unit?: string;
      readonly placeholder?: string;
    })
  | (Common & { readonly kind: 'switch' })
  | (Common & { readonly kind: 'choice'; readonly options: readonly Option[]; readonly nullable?: boolean })
  /** Any of the options; without options any words, entered one after the other. */
  | (Common & { readonly kind: 'words'; readonly options?: readonly Option[]; readonly placeholder?: string })
  /** One string a line, spaces kept. */
  | (Common & { readonly kind: 'lines'; readonly placeholder?: string })
  /** A list of records. */
  | (Common & {
      readonly kind: 'rows';
      /** The panel's title names it already. */
      readonly isAlone?: boolean;
      readonly fields: readonly Field[];
      readonly empty: FormRecord;
      readonly add: string;
    })
  /** A record within the record; null while it is switched off. */
  | (Common & { readonly kind: 'part'; readonly fields: readonly Field[]; readonly empty: FormRecord })
  /** A record within the record that is always there. */
  | (Common & { readonly kind: 'block'; readonly fields: readonly Field[] });

/** Fields that need the whole width. */
export function isWide({ kind }: Field): boolean {
  return kind === 'rows' || kind === 'part' || kind === 'block' || kind === 'area' || kind === 'lines';
}

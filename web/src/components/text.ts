export type Language = 'en' | 'zh';

type Parameters<Message extends string> = Message extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Parameters<Rest>
  : never;

type Values<Message extends string> = { readonly [Name in Parameters<Message>]: string | number };

type Catalogue = Readonly<Record<string, string>>;

/** The messages of one feature in both languages. A missing or unknown key does not compile. */
export interface Messages<English extends Catalogue> {
  readonly en: English;
  readonly zh: Readonly<Record<keyof English, string>>;
}

export function defineMessages<const English extends Catalogue>(
  en: English,
  zh: Readonly<Record<keyof English, string>>,
): Messages<English> {
  return { en, zh };
}

/** Gives the message of a key; its `{names}` must be given values. */
export type Translate<English extends Catalogue> = <Key extends keyof English>(
  key: Key,
  ...values: Parameters<English[Key]> extends never ? [] : [Values<English[Key]>]
) => string;

/**
 * A translator for one language. `one pod | {n} pods` chooses by `n` as English counts; names in braces are
 * replaced.
 */
export function translator<English extends Catalogue>(
  messages: Messages<English>,
  language: Language,
): Translate<English> {
  return (key, ...[values]) => {
    const given: Readonly<Record<string, string | number>> = values ?? {};
    const forms = messages[language][key].split(' | ');
    const message = (forms.length > 1 && given['n'] !== 1 ? forms[1] : forms[0]) ?? '';
    return message.replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(given[name] ?? whole));
  };
}

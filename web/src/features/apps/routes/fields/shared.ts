import { optionsOf } from '../../../../components/record-form/index.ts';
import type { Field, FormRecord, Option } from '../../../../components/record-form/index.ts';
import type { Translate } from '../../../../components/text.ts';
import type { routeText } from '../text.ts';

export type RouteTranslate = Translate<(typeof routeText)['en']>;

/** What a route can choose among. */
export interface RouteChoices {
  readonly ports: readonly number[];
  readonly apps: readonly Option[];
  readonly certificates: readonly Option[];
}

export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** Whether a record has one of the values. */
export const is =
  (key: string, ...wanted: readonly string[]) =>
  (record: FormRecord): boolean =>
    wanted.includes(record[key] as string);

/** What of a request tells one sender from another. */
export function keyFields(
  t: RouteTranslate,
  ...kinds: readonly ('URI' | 'IP' | 'HEADER' | 'COOKIE' | 'ROUTE')[]
): Field[] {
  return [
    {
      kind: 'choice',
      key: 'by',
      label: t('by'),
      options: optionsOf(kinds, (value) => t(`key${value}`)),
    },
    { kind: 'text', key: 'name', label: t('name'), mono: true, when: is('by', 'HEADER', 'COOKIE') },
  ];
}

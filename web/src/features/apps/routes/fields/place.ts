import { optionsOf } from '../../../../components/record-form/index.ts';
import type { Field } from '../../../../components/record-form/index.ts';
import type { RouteChoices, RouteTranslate } from './shared.ts';

/** Host, path and port, as RouteInput has them. */
export function placeFields(t: RouteTranslate, choices: RouteChoices): Field[] {
  return [
    { kind: 'text', key: 'host', label: t('host'), mono: true, placeholder: 'shop.example.com' },
    { kind: 'text', key: 'path', label: t('path'), mono: true, placeholder: '/' },
    {
      kind: 'choice',
      key: 'port',
      label: t('port'),
      options: optionsOf(choices.ports),
    },
    {
      kind: 'choice',
      key: 'certificateId',
      label: t('certificate'),
      help: t('certificateHelp'),
      nullable: true,
      options: choices.certificates,
    },
    { kind: 'switch', key: 'enabled', label: t('enabled') },
  ];
}

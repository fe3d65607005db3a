import type { Column } from '../kind.ts';
import { at, isObject, listAt, textAt, type ApiObject } from '../object.ts';

export const nameColumn: Column = { name: 'Name', value: (object) => object.metadata.name };
export const ageColumn: Column = {
  name: 'Age',
  value: (object) => ageText(object.metadata.creationTimestamp),
};

/** A column with the text at a path; `whenEmpty` where there is none. */
export function pathColumn(name: string, path: (string | number)[], whenEmpty = ''): Column {
  return { name, value: (object) => textAt(object, ...path) || whenEmpty };
}

export function countColumn(name: string, count: (object: ApiObject) => number): Column {
  return { name, type: 'integer', value: count };
}

export function wide(column: Column): Column {
  return { ...column, priority: 1 };
}

/** Number at a path, 0 when missing. */
export function numberAt(object: unknown, ...path: (string | number)[]): number {
  return Number(at(object, ...path) ?? 0);
}

/** Time since an RFC 3339 text as kubectl writes it: `5s`, `3m20s`, `12h`, `4d`; `<unknown>` without one. */
export function ageText(time: string | undefined, now = Date.now()): string {
  const seconds = Math.floor((now - Date.parse(time ?? '')) / 1_000);
  if (!Number.isFinite(seconds)) return '<unknown>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return joined(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return joined(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return joined(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  return joined(Math.floor(days / 365), 'y', days % 365, 'd');
}

function joined(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
}

/** A structured label selector as `a=b,c in (d)`; `<none>` when empty. */
export function selectorText(selector: unknown): string {
  const labels = at(selector, 'matchLabels');
  const exact = isObject(labels)
    ? Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`)
    : [];
  const expressions = listAt(selector, 'matchExpressions').map((expression) => {
    const values = expression['values'];
    const list = Array.isArray(values) && values.length > 0 ? ` (${values.join(',')})` : '';
    return `${textAt(expression, 'key')} ${textAt(expression, 'operator').toLowerCase()}${list}`;
  });
  return [...exact.sort(), ...expressions].join(',') || '<none>';
}

/** A plain label map as `a=b,c=d`; `<none>` when empty. */
export function labelsText(labels: unknown): string {
  const entries = isObject(labels) ? Object.entries(labels) : [];
  return (
    entries
      .map(([key, value]) => `${key}=${String(value)}`)
      .sort()
      .join(',') || '<none>'
  );
}

/** Names, images and selector of a workload's pods, shown by `-o wide`. */
export const templateColumns: readonly Column[] = [
  wide({ name: 'Containers', value: (object) => containers(object, 'name') }),
  wide({ name: 'Images', value: (object) => containers(object, 'image') }),
  wide({ name: 'Selector', value: (object) => selectorText(object.spec?.['selector']) }),
];

function containers(object: ApiObject, field: string): string {
  return listAt(object, 'spec', 'template', 'spec', 'containers')
    .map((container) => textAt(container, field))
    .join(',');
}

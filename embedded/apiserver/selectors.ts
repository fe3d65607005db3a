import { badRequest } from './errors.ts';
import { isObject, type JsonObject } from './object.ts';

export type LabelMatcher = (labels: Readonly<Record<string, string>>) => boolean;

const identifier = /^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/;
const valueText = /^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$/;

/** A label selector in the API's query form: `a=b,c!=d,e in (f,g),h notin (i),j,!k`; 400 when malformed. */
export function parseLabelSelector(text: string): LabelMatcher {
  const requirements = splitRequirements(text).map(parseRequirement);
  return (labels) => requirements.every((requirement) => requirement(labels));
}

/** Splits at commas outside parentheses. */
function splitRequirements(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function parseRequirement(text: string): LabelMatcher {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => checked(value.trim(), valueText, text));
    checked(key, identifier, text);
    return operator === 'in'
      ? (labels) => key in labels && values.includes(labels[key] ?? '')
      : (labels) => !(key in labels) || !values.includes(labels[key] ?? '');
  }
  const comparison = /^([^=!<>\s]+)\s*(==|=|!=|>|<)\s*(.*)$/.exec(text);
  if (comparison) {
    const [, key = '', operator = '', raw = ''] = comparison;
    checked(key, identifier, text);
    const value = checked(raw.trim(), valueText, text);
    if (operator === '!=') return (labels) => labels[key] !== value;
    if (operator === '>') return (labels) => key in labels && Number(labels[key]) > Number(value);
    if (operator === '<') return (labels) => key in labels && Number(labels[key]) < Number(value);
    return (labels) => labels[key] === value;
  }
  const negated = text.startsWith('!');
  const key = checked(negated ? text.slice(1).trim() : text, identifier, text);
  return (labels) => key in labels !== negated;
}

function checked(value: string, pattern: RegExp, requirement: string): string {
  if (pattern.test(value)) return value;
  throw badRequest(
    `unable to parse requirement: ${JSON.stringify(requirement)}: invalid label key or value ${JSON.stringify(value)}`,
  );
}

/** True when a structured selector (`matchLabels`, `matchExpressions`) selects nothing or everything is left to the caller. */
export function matchesLabelSelector(
  selector: JsonObject,
  labels: Readonly<Record<string, string>>,
): boolean {
  const exact = isObject(selector['matchLabels']) ? Object.entries(selector['matchLabels']) : [];
  const expressions = Array.isArray(selector['matchExpressions'])
    ? selector['matchExpressions'].filter(isObject)
    : [];
  return (
    exact.every(([key, value]) => labels[key] === value) &&
    expressions.every((expression) => {
      const key = String(expression['key']);
      const values = Array.isArray(expression['values']) ? expression['values'] : [];
      if (expression['operator'] === 'In') return key in labels && values.includes(labels[key]);
      if (expression['operator'] === 'NotIn') return !(key in labels) || !values.includes(labels[key]);
      return key in labels === (expression['operator'] === 'Exists');
    })
  );
}

export interface FieldRequirement {
  readonly field: string;
  readonly value: string;
  readonly equal: boolean;
}

/** A field selector: `a=b,c==d,e!=f`, with `\`, `,` and `=` escaped by a backslash; 400 when malformed. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return (text.match(/(\\.|[^,\\])+/g) ?? []).map((part) => {
    const found = /^([^=!]+)(!=|==|=)(.*)$/s.exec(part.trim());
    if (!found) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    const [, field = '', operator, value = ''] = found;
    return { field, value: value.replaceAll(/\\(.)/g, '$1'), equal: operator !== '!=' };
  });
}

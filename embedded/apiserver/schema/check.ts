import { isObject } from '../object.ts';
import { fieldOf, fieldsOf, typeOfKind, type Field } from './index.ts';

export interface SchemaProblems {
  /** Values of the wrong type: the body cannot be read. */
  readonly wrong: readonly string[];
  /** Fields that no such type has, as paths. */
  readonly unknown: readonly string[];
}

const leaves: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === 'number',
  bytes: (value) => typeof value === 'string',
  quantity: (value) => typeof value === 'string' || typeof value === 'number',
  intOrString: (value) => typeof value === 'string' || Number.isInteger(value),
  time: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  microTime: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  duration: (value) => typeof value === 'string',
  raw: () => true,
  texts: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
};

/** Compares an object with its kind's type and removes what is unknown, in place; nothing is found wrong with a kind that is not known. */
export function checkSchema(object: Record<string, unknown>): SchemaProblems {
  const problems = { wrong: [] as string[], unknown: [] as string[] };
  const type = typeOfKind(String(object['apiVersion']), String(object['kind']));
  if (type) checkFields(object, type, '', problems);
  return problems;
}

type Found = { wrong: string[]; unknown: string[] };

function checkFields(value: Record<string, unknown>, type: string, path: string, found: Found): void {
  for (const [name, each] of Object.entries(value)) {
    const at = path ? `${path}.${name}` : name;
    const field = fieldOf(type, name);
    if (!field) {
      found.unknown.push(at);
      delete value[name];
    } else if (each !== null && each !== undefined) checkField(each, field, at, found);
  }
}

function checkField(value: unknown, field: Field, path: string, found: Found): void {
  if (field.form === 'list') {
    if (!Array.isArray(value)) found.wrong.push(`${path}: expected a list`);
    else value.forEach((each, i) => checkValue(each, field.type, `${path}[${i}]`, found));
  } else if (field.form === 'map') {
    if (!isObject(value)) found.wrong.push(`${path}: expected a map`);
    else
      for (const [key, each] of Object.entries(value)) checkValue(each, field.type, `${path}.${key}`, found);
  } else checkValue(value, field.type, path, found);
}

function checkValue(value: unknown, type: string, path: string, found: Found): void {
  if (value === null) return;
  if (fieldsOf(type)) {
    if (isObject(value)) checkFields(value, type, path, found);
    else found.wrong.push(`${path}: expected an object`);
  } else if (leaves[type]?.(value) === false) found.wrong.push(`${path}: expected ${type}`);
}

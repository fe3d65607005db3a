import { randomBytes, randomUUID } from 'node:crypto';
import { forbiddenField, invalidValue, required, type FieldError } from './field-error.ts';
import type { Kind } from './kind.ts';
import { isObject, nowText, type ApiObject, type JsonObject, type ObjectMeta } from './object.ts';

const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const dns1035Label = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const qualifiedPart = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;
const maxAnnotationBytes = 256 * 1024;

/** Five characters without vowels and look-alikes, as Kubernetes ends generated names. */
export function nameSuffix(): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  return Array.from(randomBytes(5), (byte) => alphabet[byte % alphabet.length]).join('');
}

/** Metadata of a new object: what the client may choose, and what the server gives. */
export function newMetadata(kind: Kind, sent: JsonObject, namespace: string | undefined): ObjectMeta {
  const generateName = typeof sent['generateName'] === 'string' ? sent['generateName'] : '';
  const name =
    typeof sent['name'] === 'string' && sent['name']
      ? sent['name']
      : generateName && generateName.slice(0, 58) + nameSuffix();
  return pruned({
    name,
    generateName: generateName || undefined,
    namespace: kind.namespaced ? namespace : undefined,
    uid: randomUUID(),
    generation: kind.generation ? 1 : undefined,
    creationTimestamp: nowText(),
    ...chosenFields(sent),
  });
}

/** Metadata of a changed object: the server's fields stay, the client's are taken. */
export function changedMetadata(old: ObjectMeta, sent: JsonObject): ObjectMeta {
  const { labels: _l, annotations: _a, finalizers: _f, ownerReferences: _o, ...kept } = old;
  return pruned({ ...kept, ...chosenFields(sent) });
}

function chosenFields(sent: JsonObject): Partial<ObjectMeta> {
  const filled = (field: string): boolean => Object.keys(sent[field] ?? {}).length > 0;
  return Object.fromEntries(
    ['labels', 'annotations', 'ownerReferences', 'finalizers']
      .filter(filled)
      .map((field) => [field, sent[field]]),
  );
}

function pruned(metadata: ObjectMeta): ObjectMeta {
  return JSON.parse(JSON.stringify(metadata)) as ObjectMeta;
}

export function validateMetadata(kind: Kind, object: ApiObject, old?: ApiObject): FieldError[] {
  const { metadata } = object;
  return [
    ...validateName(kind, metadata),
    ...validateLabels('metadata.labels', metadata.labels),
    ...validateAnnotations(metadata.annotations),
    ...validateFinalizers(metadata, old?.metadata),
    ...validateOwners(metadata),
  ];
}

function validateName(kind: Kind, metadata: ObjectMeta): FieldError[] {
  const { name } = metadata;
  if (!name) return [required('metadata.name', 'name or generateName is required')];
  const problem = nameProblem(kind.nameRule, name);
  return problem ? [invalidValue('metadata.name', name, problem)] : [];
}

/** What is wrong with a name under a rule of Kubernetes; undefined when nothing is. */
export function nameProblem(rule: Kind['nameRule'], name: string): string | undefined {
  if (rule === 'path')
    return /^\.\.?$|[/%]/.test(name) ? "may not be '.' or '..' or contain '/' or '%'" : undefined;
  if (rule === 'subdomain') {
    if (name.length > 253) return 'must be no more than 253 characters';
    return dnsSubdomain.test(name)
      ? undefined
      : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
  }
  if (name.length > 63) return 'must be no more than 63 characters';
  if (rule === 'label1035') {
    return dns1035Label.test(name)
      ? undefined
      : "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
  }
  return dnsLabel.test(name)
    ? undefined
    : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
}

/** Keys and values of a label map at a field's path. */
export function validateLabels(field: string, labels: unknown): FieldError[] {
  if (labels === undefined) return [];
  if (!isObject(labels)) return [invalidValue(field, labels, 'must be a map of text')];
  return Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedNameErrors(field, key),
    ...(typeof value === 'string' && value.length <= 63 && labelValue.test(value)
      ? []
      : [
          invalidValue(
            field,
            value,
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
          ),
        ]),
  ]);
}

function qualifiedNameErrors(field: string, key: string): FieldError[] {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  const isFine =
    parts.length <= 2 &&
    name.length <= 63 &&
    qualifiedPart.test(name) &&
    (prefix === undefined || (prefix.length <= 253 && dnsSubdomain.test(prefix)));
  return isFine
    ? []
    : [
        invalidValue(
          field,
          key,
          "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ),
      ];
}

function validateAnnotations(annotations: unknown): FieldError[] {
  if (annotations === undefined) return [];
  const field = 'metadata.annotations';
  if (!isObject(annotations)) return [invalidValue(field, annotations, 'must be a map of text')];
  const entries = Object.entries(annotations);
  const bytes = entries.reduce((sum, [key, value]) => sum + key.length + String(value).length, 0);
  return [
    ...entries.flatMap(([key, value]) => [
      ...qualifiedNameErrors(field, key.toLowerCase()),
      ...(typeof value === 'string' ? [] : [invalidValue(field, value, 'must be text')]),
    ]),
    ...(bytes > maxAnnotationBytes
      ? [invalidValue(field, '', `must have at most ${maxAnnotationBytes} bytes`)]
      : []),
  ];
}

function validateFinalizers(metadata: ObjectMeta, old: ObjectMeta | undefined): FieldError[] {
  const field = 'metadata.finalizers';
  const { finalizers = [] } = metadata;
  if (!Array.isArray(finalizers)) return [invalidValue(field, finalizers, 'must be a list of text')];
  const added = old?.deletionTimestamp
    ? finalizers.filter((each) => !(old.finalizers ?? []).includes(each))
    : [];
  return [
    ...finalizers.flatMap((each) => qualifiedNameErrors(field, each)),
    ...(added.length > 0
      ? [
          forbiddenField(
            field,
            `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
          ),
        ]
      : []),
  ];
}

function validateOwners(metadata: ObjectMeta): FieldError[] {
  const owners = metadata.ownerReferences ?? [];
  if (!Array.isArray(owners)) return [invalidValue('metadata.ownerReferences', owners, 'must be a list')];
  const missing = owners.flatMap((owner, i) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const)
      .filter((name) => !owner[name])
      .map((name) => required(`metadata.ownerReferences[${i}].${name}`)),
  );
  const controllers = owners.filter((owner) => owner.controller);
  return controllers.length > 1
    ? [
        ...missing,
        invalidValue(
          'metadata.ownerReferences',
          controllers.map((owner) => owner.name),
          'Only one reference can have Controller set to true',
        ),
      ]
    : missing;
}

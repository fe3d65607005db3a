import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
import { print } from 'graphql/language/printer.js';
import type { DocumentNode } from 'graphql';

/** A GraphQL document that knows the types of its answer and variables: as text or as a syntax tree. */
export type TypedDocument<Result, Variables> = DocumentTypeDecoration<Result, Variables> & object;

/** Variables may be left out only when the operation needs none. */
export type VariablesOf<Variables> =
  Record<string, never> extends Variables ? [variables?: Variables] : [variables: Variables];

/** Text of a document, as it is sent. */
export function textOf(document: TypedDocument<unknown, never> | TypedDocument<unknown, unknown>): string {
  if ('kind' in document) return print(document as DocumentNode);
  return (document as object as { toString(): string }).toString();
}

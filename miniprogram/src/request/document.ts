import { MpAuthError } from '../errors'

/**
 * A GraphQL document that knows the type of its result and of its variables: what GraphQL Code Generator makes
 * with `documentMode: 'string'`, or a DocumentNode that still has its source (`loc`). The type is the one of
 * `@graphql-typed-document-node/core` (https://github.com/dotansimha/graphql-typed-document-node), spelled out.
 */
export interface TypedDocument<R, V> {
  /** Carries the types, and is never there. */
  readonly __apiType?: ((variables: V) => R) | undefined
  readonly loc?: { readonly source: { readonly body: string } } | undefined
}

/** A TypedDocument that is a plain string. */
export type StringDocument<R, V> = string & TypedDocument<R, V>

/** What a document asks for. */
export interface Operation {
  kind: 'query' | 'mutation' | 'subscription'
  /** Undefined for an operation without a name. */
  name: string | undefined
}

/**
 * The text of a document, byte for byte as it was written, so that a server that knows trusted documents
 * finds it. CONFIG for a DocumentNode without its source: there is no printer here.
 */
export function textOf(document: string | TypedDocument<unknown, never>): string {
  const text = typeof document === 'string' ? document : (document.loc?.source.body ?? String(document))
  if (text[0] === '[')
    throw new MpAuthError('CONFIG', "a document without its source; generate with documentMode 'string'")
  return text
}

/**
 * An operation of a document: the one of this name, or the first. What is in braces is taken out first, so that a
 * field called `query` is not taken for one.
 */
export function operationOf(text: string, wanted?: string): Operation {
  let bare = text.replace(/#.*/g, '')
  for (let outer = ''; outer !== bare; ) {
    outer = bare
    bare = outer.replace(/\{[^{}]*\}/g, ';')
  }
  const behind = wanted ? `\\s+(${wanted})\\b` : '\\b\\s*(\\w+)?'
  const operation = new RegExp(`(?:^|;)\\s*(query|mutation|subscription)${behind}`)
  const [, kind = 'query', name = wanted] = operation.exec(bare) ?? []
  return { kind: kind as Operation['kind'], name }
}

import { type Node, parse } from 'acorn'

/** A node with whatever its kind brings. */
type Any = Node & Record<string, unknown>

interface Scope {
  names: Set<string>
  /** Whether `var` ends here. */
  function: boolean
  parent: Scope | null
}

export interface Scan {
  /** Names that the text uses and does not declare, with the first place of each. */
  free: Map<string, number>
  /** What every `require` asks for; null where that is not a literal. */
  required: (string | null)[]
  /** Which properties of what was required are used: `[path, name]`. */
  taken: [string, string][]
}

const isNode = (value: unknown): value is Any =>
  typeof value === 'object' && value !== null && typeof (value as Any).type === 'string'

function children(node: Any, except: readonly string[] = []): Any[] {
  return Object.entries(node)
    .filter(([key]) => !except.includes(key))
    .flatMap(([, value]) => (Array.isArray(value) ? value : [value]))
    .filter(isNode)
}

const isFunction = (node: Any) => /Function/.test(node.type)

/** The identifiers that a pattern declares. */
function declared(pattern: Any | null): string[] {
  if (!pattern) return []
  if (pattern.type === 'Identifier') return [pattern.name as string]
  if (pattern.type === 'AssignmentPattern') return declared(pattern.left as Any)
  if (pattern.type === 'Property') return declared(pattern.value as Any)
  return children(pattern).flatMap(declared)
}

/** Puts what a statement list declares into its scope: `var` of whatever depth, the others of this level. */
function hoist(node: Any, scope: Scope, top: boolean): void {
  if (node.type === 'VariableDeclaration') {
    if (node.kind === 'var' ? scope.function : top) {
      for (const { id } of node.declarations as { id: Any }[]) for (const name of declared(id)) scope.names.add(name)
    }
  } else if (node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration') {
    if (top || scope.function) for (const name of declared(node.id as Any)) scope.names.add(name)
    return
  }
  if (isFunction(node)) return
  for (const child of children(node)) hoist(child, scope, false)
}

/** Keys that name a property or a label and no variable. */
function silent(node: Any): string[] {
  if (node.type === 'MemberExpression') return node.computed ? [] : ['property']
  if (node.type === 'Property' || node.type === 'MethodDefinition') return node.computed ? [] : ['key']
  return /^(Labeled|Break|Continue)Statement$/.test(node.type) ? ['label'] : []
}

/**
 * Reads one file as a script of ES2018, and throws for newer syntax. CommonJS is a function body: `return` and the
 * rest are as the module system of a Mini Program has them.
 */
export function scan(text: string): Scan {
  const free: Scan['free'] = new Map()
  const required: Scan['required'] = []
  const taken: Scan['taken'] = []
  const modules = new Map<string, string>()

  const open = (parent: Scope | null, isFunctionScope: boolean): Scope => ({
    names: new Set(),
    function: isFunctionScope,
    parent,
  })
  const owner = (name: string, scope: Scope | null): Scope | null =>
    scope === null || scope.names.has(name) ? scope : owner(name, scope.parent)

  function visit(node: Any, outer: Scope): void {
    let scope = outer
    if (node.type === 'Identifier') {
      const name = node.name as string
      if (!owner(name, scope) && !free.has(name)) free.set(name, node.start)
      return
    }
    if (isFunction(node)) {
      scope = open(outer, true)
      if (node.type === 'FunctionExpression') for (const name of declared(node.id as Any)) scope.names.add(name)
      if (node.type !== 'ArrowFunctionExpression') scope.names.add('arguments')
      for (const parameter of node.params as Any[]) for (const name of declared(parameter)) scope.names.add(name)
      const body = node.body as Any
      for (const child of children(body)) hoist(child, scope, true)
    } else if (/^(BlockStatement|For(In|Of)?Statement|SwitchStatement|CatchClause|ClassExpression)$/.test(node.type)) {
      scope = open(outer, false)
      if (node.type === 'ClassExpression') for (const name of declared(node.id as Any)) scope.names.add(name)
      if (node.type === 'CatchClause') for (const name of declared(node.param as Any)) scope.names.add(name)
      const cases =
        node.type === 'SwitchStatement' ? (node.cases as Any[]).flatMap((one) => children(one)) : children(node)
      for (const child of cases) hoist(child, scope, true)
    }
    if (isRequire(node)) required.push(pathOf(node))
    if (node.type === 'VariableDeclarator' && isRequire(node.init) && scope === file) {
      modules.set((node.id as Any).name as string, pathOf(node.init) ?? '')
    }
    if (node.type === 'MemberExpression') {
      const { name } = node.object as Any
      const path = modules.get(name as string)
      if (path !== undefined && owner(name as string, scope) === file) {
        taken.push([path, node.computed ? '[computed]' : String((node.property as Any).name)])
      }
    }
    for (const child of children(node, silent(node))) visit(child, scope)
  }

  const program = parse(text, {
    ecmaVersion: 2018,
    sourceType: 'script',
    allowReturnOutsideFunction: true,
  }) as unknown as Any
  const file = open(null, true)
  for (const child of children(program)) hoist(child, file, true)
  visit({ ...program, type: 'File' } as Any, file)
  return { free, required, taken }
}

const isRequire = (node: unknown): node is Any =>
  isNode(node) && node.type === 'CallExpression' && (node.callee as Any).name === 'require'

/** What a `require` asks for: a string, or a template without holes, which minifiers write for one. */
function pathOf(call: Any): string | null {
  const [name] = call.arguments as Any[]
  if (name?.type === 'Literal') return String(name.value)
  if (name?.type !== 'TemplateLiteral' || (name.expressions as unknown[]).length > 0) return null
  return (name.quasis as { value: { cooked: string } }[])[0]?.value.cooked ?? null
}

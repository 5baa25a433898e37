import { type Expression, type Program, parseSync, type Super, Visitor } from 'oxc-parser';

/** One specifier that a module names literally: statically, dynamically, in a type or to `resolve` and `require`. */
export type ImportSpecifier = string;

/** What a module's text says about other modules. */
export interface ModuleOutline {
  readonly imports: readonly ImportSpecifier[];
  /** `export * from` and `export * as x from`: the specifiers. */
  readonly starExports: readonly string[];
  /** Every statement is `export { … } from` (or its type form), and there is at least one. */
  readonly onlyNamedReexports: boolean;
  readonly syntaxErrors: readonly string[];
}

export function outlineOf(path: string, text: string): ModuleOutline {
  const { program, errors } = parseSync(path, text);
  const imports = new Set<string>();
  const starExports: string[] = [];
  const add = (node: { type: string; value?: unknown } | null | undefined) => {
    if (node?.type === 'Literal' && typeof node.value === 'string') imports.add(node.value);
  };

  const requires = requireNames(program);
  const isRequire = (node: Expression | Super) =>
    (node.type === 'Identifier' && requires.has(node.name)) || isCreateRequire(node);
  new Visitor({
    ImportDeclaration: ({ source }) => add(source),
    ExportNamedDeclaration: ({ source }) => add(source),
    ExportAllDeclaration: ({ source }) => {
      add(source);
      starExports.push(source.value);
    },
    ImportExpression: ({ source }) => add(source),
    TSImportType: ({ source }) => add(source),
    CallExpression: ({ callee, arguments: [first] }) => {
      // import.meta.resolve('x'), require('x') and require.resolve('x') load or find a package just as an import does.
      const isResolve =
        callee.type === 'MemberExpression' &&
        callee.property.type === 'Identifier' &&
        callee.property.name === 'resolve' &&
        (callee.object.type === 'MetaProperty' || isRequire(callee.object));
      if (isResolve || isRequire(callee)) add(first);
    },
  }).visit(program);

  const reexports = program.body.filter(
    (statement) =>
      statement.type === 'ExportNamedDeclaration' &&
      statement.source !== null &&
      statement.specifiers.length > 0,
  );
  return {
    imports: [...imports],
    starExports,
    onlyNamedReexports: reexports.length > 0 && reexports.length === program.body.length,
    syntaxErrors: errors.map(({ message }) => message),
  };
}

/** `require` itself and whatever holds the result of `createRequire`. */
function requireNames(program: Program): ReadonlySet<string> {
  const names = new Set(['require']);
  new Visitor({
    VariableDeclarator: ({ id, init }) => {
      if (id.type === 'Identifier' && init !== null && isCreateRequire(init)) names.add(id.name);
    },
  }).visit(program);
  return names;
}

function isCreateRequire(node: Expression | Super): boolean {
  return (
    node.type === 'CallExpression' &&
    node.callee.type === 'Identifier' &&
    node.callee.name === 'createRequire'
  );
}

/** The package that a specifier leads to: `null` for the module's own files, Node's modules and package imports. */
export function packageNameOf(specifier: ImportSpecifier): string | null {
  if (/^(\.|\/|#|node:|file:|data:|https?:)/.test(specifier)) return null;
  const [scopeOrName, name] = specifier.split('/');
  if (scopeOrName === undefined || scopeOrName === '') return null;
  return scopeOrName.startsWith('@') ? `${scopeOrName}/${name}` : scopeOrName;
}

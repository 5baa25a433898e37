/** Renders one class for each tag, with one method for each route of it. */
import { GENERATED_NOTICE } from './generated-notice.ts';
import {
  type Content,
  type OpenApiDocument,
  type Parameter,
  pathParameters,
  type Route,
  routesOf,
  type Schema,
} from './openapi-document.ts';

const JSON_TYPE = 'application/json';
const EVENTS_TYPE = 'text/event-stream';
/** A workspace, and a session in it: what a caller holds for longer than one call. */
const SCOPES = ['ws', 'sid'];

export function renderRouteGroups(document: OpenApiDocument): string {
  const named = new Set<string>();
  const routes = routesOf(document);
  const groups = document.tags
    .map((tag) => groupOf(tag.name, tag.description, routes))
    .filter((group) => group.routes.length > 0);
  const classes = groups.map((group) => renderGroup(group, named));
  return `${GENERATED_NOTICE}
import type { CallOptions } from '../call-options.ts';
import { RouteGroup } from '../route-group.ts';
import type { EventStream } from '../server-sent-events.ts';
import type { RequestContent } from '../request-content.ts';
import type { Transport } from '../transport.ts';
import { ROUTES } from './route-table.ts';
import type { ${[...named].sort().join(', ')} } from './schemas.ts';

${classes.join('\n')}
${OWNERS.map((owner) => renderOwner(owner, groups)).join('\n')}`;
}

interface Group {
  readonly tag: string;
  readonly description: string;
  readonly routes: readonly Route[];
  /** What every route of the group needs; said once, when the group is made. */
  readonly scope: readonly string[];
}

function groupOf(tag: string, description: string, all: readonly Route[]): Group {
  const routes = all.filter((route) => route.tag === tag);
  const scope = SCOPES.filter((name) => routes.every((route) => pathParameters(route).includes(name)));
  return { tag, description, routes, scope };
}

/** Who holds which groups: a route that is new in the document is reached without a line by hand. */
const OWNERS = [
  { name: 'ServerGroups', scope: [], description: 'The groups that need no workspace.' },
  { name: 'WorkspaceGroups', scope: ['ws'], description: 'The groups of one workspace.' },
  { name: 'SessionGroups', scope: ['ws', 'sid'], description: 'The groups of one session.' },
] as const;

function renderOwner(owner: (typeof OWNERS)[number], groups: readonly Group[]): string {
  const owned = groups.filter(({ scope }) => scope.join() === owner.scope.join());
  const make = ({ tag }: Group) => `this.${tag} = new ${capital(tag)}Routes(transport, scope);`;
  return `/** ${owner.description} */
export class ${owner.name} {
${owned.map(({ tag }) => `readonly ${tag}: ${capital(tag)}Routes;`).join('\n')}

  constructor(transport: Transport, scope: ${scopeType(owner.scope)}) {
${owned.map(make).join('\n')}
  }
}
`;
}

const scopeType = (scope: readonly string[]): string =>
  scope.length === 0 ? 'object' : `{ ${scope.map((name) => `readonly ${name}: string`).join('; ')} }`;

function renderGroup({ tag, description, routes, scope }: Group, named: Set<string>): string {
  return `/** ${description} */
export class ${capital(tag)}Routes extends RouteGroup<${scopeType(scope)}> {
${routes.flatMap((route) => renderMethods(route, scope, named)).join('\n\n')}
}
`;
}

function renderMethods(route: Route, scope: readonly string[], named: Set<string>): readonly string[] {
  const { operation, method, path, name } = route;
  const bound = pathParameters(route).filter((parameter) => !scope.includes(parameter));
  const request: string[] = [];
  const parameters = operation.parameters
    .filter((parameter) => parameter.in === 'path' && bound.includes(parameter.name))
    .map((parameter) => `${parameter.name}: ${valueType(parameter.schema, named)}`);
  if (bound.length > 0) request.push(`path: { ${bound.join(', ')} }`);

  const query = operation.parameters.filter((parameter) => parameter.in === 'query');
  if (query.length > 0) {
    const isOptional = query.every(({ required }) => !required);
    parameters.push(`query: ${queryType(query, named)}${isOptional ? ' = {}' : ''}`);
    request.push('query');
  }
  const body = operation.requestBody;
  if (body !== undefined) {
    const schema = body.content[JSON_TYPE]?.schema;
    if (schema === undefined) {
      parameters.push('content: RequestContent');
      request.push('content', `contentType: ${JSON.stringify(Object.keys(body.content)[0])}`);
    } else {
      parameters.push(`body: ${typeName(schema, named)}${body.required ? '' : ' = {}'}`);
      request.push('body');
    }
  }
  const headers = operation.parameters.filter((parameter) => parameter.in === 'header');
  const headerType = headers.map((header) => `readonly ${JSON.stringify(header.name)}?: string`).join('; ');
  parameters.push(
    headers.length === 0
      ? 'options: CallOptions = {}'
      : `options: CallOptions & { readonly headers?: { ${headerType} } } = {}`,
  );
  const render = (methodName: string, answer: string, call: string) =>
    `  /**
   * ${operation.summary}.
   *
   * \`${method} ${path}\`${needs(operation['x-permission'])}
   */
  ${methodName}(${parameters.join(', ')}): Promise<${answer}> {
    return this.${call}(ROUTES[${JSON.stringify(operation.operationId)}], { ${[...request, 'options'].join(', ')} });
  }`;
  const content = successContent(route);
  const events = content[EVENTS_TYPE];
  const json = content[JSON_TYPE];
  const methods: string[] = [];
  if (json?.schema.$ref !== undefined) methods.push(render(name, typeName(json.schema, named), 'json'));
  if (events !== undefined) {
    const data = typeName(events.schema.contentSchema ?? {}, named);
    // A route that answers both ways has a method for each.
    methods.push(render(methods.length === 0 ? name : 'stream', `EventStream<${data}>`, 'events'));
  }
  if (methods.length === 0) {
    methods.push(
      Object.keys(content).length === 0 ? render(name, 'void', 'done') : render(name, 'Response', 'raw'),
    );
  }
  return methods;
}

function needs(permission: string): string {
  if (permission === 'none') return ', open to everybody';
  return permission === 'any' ? ', with any key' : `, needs \`${permission}\``;
}

function successContent({ operation }: Route): Content {
  const status = Object.keys(operation.responses).find((code) => /^2\d\d$/.test(code));
  if (status === undefined) throw new Error(`${operation.operationId} declares no success: add its status.`);
  return operation.responses[status]?.content ?? {};
}

function queryType(query: readonly Parameter[], named: Set<string>): string {
  const members = query.map(
    ({ name, required, schema, description }) =>
      `${description === undefined ? '' : `/** ${description} */\n`}readonly ${name}${required ? '' : '?'}: ${valueType(schema, named)}`,
  );
  return `{\n${members.join(';\n')} }`;
}

function valueType(schema: Schema, named: Set<string>): string {
  if (schema.$ref !== undefined) return typeName(schema, named);
  switch (schema.type) {
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'string':
      return 'string';
    case 'object':
      return 'Readonly<Record<string, string>>';
    default:
      throw new Error(`A query of type ${schema.type} is not known here: teach the generator.`);
  }
}

/** @throws Error for a schema without a name: who calls the method could not name what it takes or answers. */
function typeName(schema: Schema, named: Set<string>): string {
  const name = /^#\/components\/schemas\/(\w+)$/.exec(schema.$ref ?? '')?.[1];
  if (name === undefined) {
    throw new Error(
      `A body has no name: export its schema from @boxyard/contracts. ${JSON.stringify(schema)}`,
    );
  }
  named.add(name);
  return name;
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

/** The OpenAPI 3.1 document, made from the declared routes and the schemas of contracts. */
import * as contracts from '@boxyard/contracts';
import { z } from 'zod';
import type { DeclaredRoute } from './define-route.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a request may leave out because it has a default is required in an answer: two readings of one schema. */
const isRequestName = (name: string) => /(?:Request|Query)$/.test(name);

export function createOpenApiDocument(routes: readonly DeclaredRoute[], version: string): Json {
  const names = namedSchemas();
  const schemas = componentsOf(names);
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const [method, path] = route.route.split(' ') as [string, string];
    const templated = path.replaceAll(/:(\w+)/g, '{$1}');
    paths[templated] ??= {};
    paths[templated][method.toLowerCase()] = operationOf(route, method, path, names);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Boxyard',
      version,
      description: 'Durable boxes for AI agents: files, git, terminals and events of each session.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { apiKey: [] }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
  };
}

function operationOf(
  route: DeclaredRoute,
  method: string,
  path: string,
  names: Map<z.ZodType, string>,
): Json {
  const grant = contracts.ROUTE_PERMISSIONS[route.route];
  const schemaOf = (schema: z.ZodType, io: 'input' | 'output') => {
    const name = names.get(schema);
    return name ? { $ref: `#/components/schemas/${name}` } : jsonSchemaOf(schema, io);
  };
  const requestBody = route.body
    ? { required: true, content: { 'application/json': { schema: schemaOf(route.body, 'input') } } }
    : route.rawBody
      ? { required: true, content: { [route.rawBody]: { schema: {} } } }
      : undefined;
  const answerContent = route.answer
    ? { 'application/json': { schema: schemaOf(route.answer, 'output') } }
    : route.rawAnswer
      ? { [route.rawAnswer]: { schema: {} } }
      : undefined;
  return {
    operationId: operationId(method, path),
    summary: route.summary,
    tags: [route.tag],
    ...(grant === 'none' ? { security: [] } : {}),
    'x-permission': grant,
    parameters: [...pathParameters(path), ...queryParameters(route), ...headerParameters(route)],
    ...(requestBody ? { requestBody } : {}),
    responses: {
      [route.status]: { description: route.summary, ...(answerContent ? { content: answerContent } : {}) },
      default: {
        description: 'What failed and what to do.',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

/** `POST /v1/workspaces/:ws/sessions/:sid/fs/list` → `postSessionsFsList`: unique because paths are. */
const operationId = (method: string, path: string): string => {
  const words = path
    .replace(/^\/v1\/workspaces\/:ws(?=\/.)/, '')
    .replace(/^\/v1/, '')
    .split(/[/.-]/)
    .filter((word) => word !== '')
    .map((word) => (word.startsWith(':') ? `By${capital(word.slice(1))}` : capital(word)));
  return method.toLowerCase() + words.join('');
};

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

const pathParameters = (path: string): Json[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'port' ? { type: 'integer', minimum: 1, maximum: 65535 } : { type: 'string' },
  }));

function queryParameters(route: DeclaredRoute): Json[] {
  if (!route.query) return [];
  const schema = jsonSchemaOf(route.query, 'input') as {
    properties?: Record<string, Json>;
    required?: readonly string[];
  };
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: 'query',
    required: schema.required?.includes(name) ?? false,
    schema: property,
  }));
}

const headerParameters = (route: DeclaredRoute): Json[] =>
  (route.headers ?? []).map((name) => ({ name, in: 'header', required: false, schema: { type: 'string' } }));

function namedSchemas(): Map<z.ZodType, string> {
  const names = new Map<z.ZodType, string>();
  for (const [name, value] of Object.entries(contracts)) {
    // A second name for the same schema is the same component.
    if (value instanceof z.ZodType && !names.has(value)) names.set(value, name);
  }
  return names;
}

function componentsOf(names: Map<z.ZodType, string>): Record<string, unknown> {
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of names) registry.add(schema, { id });
  const options = { uri: (id: string) => `#/components/schemas/${id}`, unrepresentable: 'any' } as const;
  const inputs = z.toJSONSchema(registry, { ...options, io: 'input' }).schemas;
  const outputs = z.toJSONSchema(registry, { ...options, io: 'output' }).schemas;
  return Object.fromEntries(
    [...names.values()]
      .sort()
      .map((name) => [name, bare(isRequestName(name) ? inputs[name] : outputs[name])]),
  );
}

const jsonSchemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json =>
  bare(z.toJSONSchema(schema, { io, unrepresentable: 'any' }));

/** Without what only a document of its own needs. */
function bare(schema: unknown): Json {
  const { $schema: _, $id: __, ...rest } = schema as Record<string, unknown>;
  return rest;
}

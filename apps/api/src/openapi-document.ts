/** The OpenAPI 3.1 document, made from the declared routes and the schemas of contracts. */
import * as contracts from '@boxyard/contracts';
import { z } from 'zod';
import { API_TAGS } from './api-tags.ts';
import type { DeclaredRoute } from './define-route.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a request may leave out because it has a default is required in an answer: two readings of one schema. */
const isRequestName = (name: string) => /(?:Request|Query)$/.test(name);

export function createOpenApiDocument(routes: readonly DeclaredRoute[], version: string): Json {
  const names = namedSchemas();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const [method, path] = route.route.split(' ') as [string, string];
    const templated = path.replaceAll(/:(\w+)/g, '{$1}');
    paths[templated] ??= {};
    paths[templated][method.toLowerCase()] = operationOf(route, method, path, names);
  }
  const responses = { Problem: PROBLEM_ANSWER };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Boxyard',
      version,
      description: 'Durable boxes for AI agents: files, git, terminals and events of each session.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The server that this document comes from.' }],
    security: [{ bearer: [] }, { apiKey: [] }],
    tags: Object.entries(API_TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: reachable(componentsOf(names), [paths, responses]),
      responses,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A key: `Authorization: Bearer byk_…`.' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The same key.' },
      },
    },
  };
}

const PROBLEM_ANSWER: Json = {
  description: 'What failed and what to do.',
  headers: {
    'Retry-After': { description: 'Seconds, where trying again is worth it.', schema: { type: 'string' } },
  },
  content: {
    'application/problem+json': {
      schema: { $ref: '#/components/schemas/Problem' },
      example: {
        type: 'about:blank',
        title: 'Not found',
        status: 404,
        detail: 'There is no such session. Check its id.',
        code: 'not-found',
        retryable: false,
        requestId: '019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071',
      } satisfies contracts.Problem,
    },
  },
};

const PROBLEM_REF = { $ref: '#/components/responses/Problem' };

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
    ? {
        required: !isOptional(route.body),
        content: { 'application/json': { schema: schemaOf(route.body, 'input') } },
      }
    : route.rawBody
      ? { required: true, content: { [route.rawBody]: { schema: {} } } }
      : undefined;
  const answerOf = (given: Pick<DeclaredRoute, 'answer' | 'rawAnswer' | 'events'>, summary: string) => {
    const content: Record<string, Json> = {};
    if (given.answer) content['application/json'] = { schema: schemaOf(given.answer, 'output') };
    for (const type of [given.rawAnswer ?? []].flat()) content[type] = { schema: {} };
    // OpenAPI 3.1 has no word for one event of a stream: its data is said as the schema of what the text holds.
    if (given.events)
      content['text/event-stream'] = {
        schema: { type: 'string', contentSchema: schemaOf(given.events, 'output') },
      };
    return { description: summary, ...(Object.keys(content).length > 0 ? { content } : {}) };
  };
  const others = route.otherAnswers ?? [];
  return {
    operationId: `${route.tag}.${route.name}`,
    summary: route.summary,
    tags: [route.tag],
    ...(grant === 'none' ? { security: [] } : {}),
    'x-permission': grant,
    'x-repeatable': route.repeatable ?? (method === 'GET' ? 'always' : 'never'),
    parameters: [...pathParameters(path), ...queryParameters(route), ...headerParameters(route)],
    ...(requestBody ? { requestBody } : {}),
    responses: {
      [route.status]: answerOf(route, route.summary),
      ...Object.fromEntries(others.map((other) => [other.status, answerOf(other, other.summary)])),
      '4XX': PROBLEM_REF,
      '5XX': PROBLEM_REF,
    },
  };
}

/** A POST without a body is the same as one with an empty object. */
const isOptional = (body: z.ZodType): boolean => body.safeParse({}).success;

/** Only the schemas that something leads to: the rest of contracts is not part of the API. */
function reachable(schemas: Record<string, unknown>, roots: unknown): Record<string, unknown> {
  const found = new Set<string>();
  const visit = (value: unknown) => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (name === undefined || found.has(name)) continue;
      found.add(name);
      visit(schemas[name]);
    }
  };
  visit(roots);
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => found.has(name)));
}

const pathParameters = (path: string): Json[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: pathSchema(name!),
  }));

const pathSchema = (name: string): Json => {
  if (name === 'port') return { type: 'integer', minimum: 1, maximum: 65535 };
  // A workspace may be named by its id or its slug, a page's file by its name; the rest are ids.
  return name === 'ws' || name === 'asset' ? { type: 'string' } : { type: 'string', format: 'uuid' };
};

function queryParameters(route: DeclaredRoute): Json[] {
  if (!route.query) return [];
  const schema = jsonSchemaOf(route.query, 'input') as {
    properties?: Record<string, Json>;
    required?: readonly string[];
  };
  const named: Json[] = Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: 'query',
    required: schema.required?.includes(name) ?? false,
    schema: property,
  }));
  return route.dottedQuery ? [...named, dottedParameter(route.dottedQuery)] : named;
}

/** `metadata.owner=ada`: as a form the members of an object are parameters of their own. */
const dottedParameter = (name: string): Json => ({
  name,
  in: 'query',
  required: false,
  description: `Any number of ${name}.<name>=<value>; all must fit.`,
  style: 'form',
  explode: true,
  schema: {
    type: 'object',
    propertyNames: { pattern: `^${name}\\.` },
    additionalProperties: { type: 'string' },
  },
});

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

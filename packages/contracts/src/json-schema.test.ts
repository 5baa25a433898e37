import { expect, test } from 'vitest';
import { z } from 'zod';
import * as contracts from './index.ts';

const exported: Record<string, unknown> = contracts;
const schemas = Object.entries(exported).flatMap(([name, value]) =>
  value instanceof z.ZodType ? [[name, value] as const] : [],
);

test('there are schemas to describe', () => {
  expect(schemas.length).toBeGreaterThan(80);
});

// The OpenAPI document is made from these; a schema that cannot be described would break it as a whole.
test.each(schemas)('%s can be described to a client', (_, schema) => {
  expect(z.toJSONSchema(schema, { io: 'input' })).toHaveProperty('$schema');
});

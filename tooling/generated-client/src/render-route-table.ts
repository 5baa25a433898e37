import { GENERATED_NOTICE } from './generated-notice.ts';
import { type OpenApiDocument, routesOf } from './openapi-document.ts';

/** Where each operation is served and when its request may be sent again. */
export function renderRouteTable(document: OpenApiDocument): string {
  const rows = routesOf(document).map(
    ({ operation, method, path }) =>
      `${JSON.stringify(operation.operationId)}: ${JSON.stringify({
        method,
        path,
        repeatable: operation['x-repeatable'],
        // A status without a number of its own (4XX) is a problem document.
        answers: Object.keys(operation.responses)
          .filter((status) => /^\d+$/.test(status))
          .map(Number),
      })},`,
  );
  return `${GENERATED_NOTICE}
import type { Route } from '../route.ts';

/** Every operation of the API by its id. */
export const ROUTES = {
${rows.join('\n')}
} as const satisfies Readonly<Record<string, Route>>;
`;
}

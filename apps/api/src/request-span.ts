import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnvironment } from './request-context.ts';

/** The span of a request; it goes on the trace that the caller's `traceparent` names. */
export function createRequestSpan(): MiddlewareHandler<ApiEnvironment> {
  return (c, next) => {
    const caller = propagation.extract(context.active(), c.req.header());
    const attributes = { 'http.request.method': c.req.method, 'boxyard.request_id': c.get('requestId') };
    const tracer = trace.getTracer('boxyard');
    return tracer.startActiveSpan(
      c.req.method,
      { kind: SpanKind.SERVER, attributes },
      caller,
      async (span) => {
        try {
          await next();
        } finally {
          const matched = c.get('matched');
          if (matched !== undefined) {
            span.updateName(matched.route);
            span.setAttribute('http.route', matched.route.slice(matched.route.indexOf(' ') + 1));
            const session = matched.parameters.get('sid');
            if (session !== undefined) span.setAttribute('boxyard.session', session.slice(0, 64));
          }
          const workspace = c.get('workspace');
          if (workspace !== undefined) span.setAttribute('boxyard.workspace', workspace.id);
          span.setAttribute('http.response.status_code', c.res.status);
          if (c.res.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        }
      },
    );
  };
}

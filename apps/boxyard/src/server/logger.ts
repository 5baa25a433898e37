import { requestFields } from '@boxyard/api';
import { trace } from '@opentelemetry/api';
import { type DestinationStream, pino } from 'pino';

/** Structured lines; what is secret never reaches it, so nothing has to be filtered out. */
export type Logger = ReturnType<typeof createLogger>;

/** Standard output belongs to what a command prints, so logs go to standard error. */
export function createLogger(level: string, destination: DestinationStream = pino.destination(2)) {
  return pino(
    { level, base: null, serializers: { error: pino.stdSerializers.err }, mixin: fieldsOfWork },
    destination,
  );
}

/** For whom this is done: the request, and the trace where there is one. */
function fieldsOfWork(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return {
    ...requestFields(),
    ...(span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId }),
  };
}

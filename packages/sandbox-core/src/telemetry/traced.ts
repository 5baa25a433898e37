import { type Attributes, SpanStatusCode, trace } from '@opentelemetry/api';
import { SandboxError } from '../sandbox-error.ts';

/**
 * Does the work inside of a span of this name. Costs next to nothing where no OpenTelemetry SDK is registered.
 * A failure leaves its code in the span and never its message: messages are for who asked, traces for everybody
 * who operates.
 */
export function traced<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  // Asked for each time: a tracer that is kept stays with the SDK that was registered first.
  const tracer = trace.getTracer('boxyard');
  return tracer.startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute('error.type', SandboxError.isInstance(error) ? error.code : 'internal');
      throw error;
    } finally {
      span.end();
    }
  });
}

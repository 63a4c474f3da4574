import { type Attributes, SpanStatusCode, trace } from '@opentelemetry/api';

const tracer = trace.getTracer('ventral');

/**
 * Runs work in a span of OpenTelemetry, at the edge of a room. Without an SDK, which is the user's to
 * load (`node --import`), nothing is recorded.
 * @param name `ventral.` and the room
 */
export function traced<T>(
  name: `ventral.${string}`,
  attributes: Attributes,
  work: () => Promise<T>,
): Promise<T> {
  return tracer.startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.recordException(error as Error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
      throw error;
    } finally {
      span.end();
    }
  });
}

import type { Box, CallOptions } from '@boxyard/sandbox-core';
import type { ExposedPortEndpoint } from '@openai/agents-core/sandbox';
import { AgentsSessionError, sessionErrorFrom } from '../session-error.ts';

/** @throws AgentsSessionError `exposed_port_unavailable` where nothing can be exposed. */
export async function exposePort(box: Box, port: number, call: CallOptions): Promise<ExposedPortEndpoint> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new AgentsSessionError(
      'configuration_error',
      `Exposing ${port} is refused: a port is a whole number from 1 to 65535.`,
    );
  }
  const { ports } = box.capabilities;
  if (!ports.available) {
    throw new AgentsSessionError(
      'exposed_port_unavailable',
      `Exposing ${port} is not possible: ${ports.reason}`,
    );
  }
  try {
    const exposed = await ports.use.expose(port, call);
    const { hostname, port: outside, search } = new URL(exposed.url);
    return {
      host: hostname,
      port: outside === '' ? (exposed.tls ? 443 : 80) : Number(outside),
      tls: exposed.tls,
      query: search.slice(1),
      protocol: exposed.tls ? 'https' : 'http',
      url: exposed.url,
    };
  } catch (error) {
    throw sessionErrorFrom(error, {
      invalid: 'exposed_port_unavailable',
      'not-found': 'exposed_port_unavailable',
    });
  }
}

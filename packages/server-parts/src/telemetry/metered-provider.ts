import {
  available,
  type BackendRegistry,
  createBackendRegistry,
  defineProvider,
  type Provider,
  traced,
} from '@boxyard/sandbox-core';
import type { Meters } from './meters.ts';

/** The same backends, each with its provider metered. */
export const meteredBackends = (registry: BackendRegistry, meters: Meters): BackendRegistry =>
  createBackendRegistry(
    Object.fromEntries(
      registry.backends.map((backend) => [backend, meteredProvider(registry.provider(backend), meters)]),
    ),
  );

/** The same provider; each call that makes, finds, stops or destroys a box is a span and is timed. */
export function meteredProvider(provider: Provider, meters: Meters): Provider {
  const metered = async <T>(call: string, work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    let outcome = 'failed';
    try {
      const answer = await traced(`provider.${call}`, { 'boxyard.box.provider': provider.name }, work);
      outcome = 'done';
      return answer;
    } finally {
      const labels = { provider: provider.name, call, outcome };
      const seconds = (performance.now() - startedMs) / 1000;
      meters.observe('boxyard_provider_call_duration_seconds', seconds, labels);
    }
  };
  const { parking } = provider;
  return defineProvider({
    ...provider,
    name: provider.name,
    descriptor: provider.descriptor,
    accept: (wish) => provider.accept(wish),
    workspaceRoot: (group) => provider.workspaceRoot(group),
    create: (request, options) => metered('create', () => provider.create(request, options)),
    resume: (ref, options) => metered('resume', () => provider.resume(ref, options)),
    destroy: (ref, options) => metered('destroy', () => provider.destroy(ref, options)),
    parking: parking.available
      ? available({
          park: (ref, options) => metered('park', () => parking.use.park(ref, options)),
        })
      : parking,
    listing: provider.listing,
    isGone: (error) => provider.isGone(error),
  });
}

import { dockerProvider } from '@boxyard/providers-docker';
import { type SharedEngine, sharedTestEngine } from '@tooling/docker-engine';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe } from 'vitest';
import { describeAgentsSession } from '../src/conformance/describe-agents-session.ts';
import { openRoutedSession } from './routed-session.ts';

const MINUTES = 60_000;

describe('in containers', needs('docker', 'debootstrap'), () => {
  let engine: SharedEngine;
  let opened = 0;
  beforeAll(async () => {
    engine = await sharedTestEngine({ images: ['debian'] });
  }, 10 * MINUTES);
  afterAll(() => engine?.[Symbol.asyncDispose](), MINUTES);

  describeAgentsSession({
    name: 'session of a routed docker box',
    open: () => {
      const provider = dockerProvider({ socketPath: engine.socketPath, network: 'boxyard-test' });
      return openRoutedSession(provider, `bridge-${process.pid}-${++opened}`);
    },
    facts: { kernel: true, terminal: true, swap: true },
  });
});

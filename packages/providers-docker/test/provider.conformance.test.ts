import { describeProvider } from '@boxyard/sandbox-conformance';
import { type SharedEngine, sharedTestEngine } from '@tooling/docker-engine';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe } from 'vitest';
import { DEFAULT_IMAGE } from '../src/index.ts';
import { dockerProviderSubject } from './docker-subject.ts';

const MINUTES = 60_000;
let engine: SharedEngine;

describe('a real engine', needs('docker', 'debootstrap'), () => {
  beforeAll(async () => {
    engine = await sharedTestEngine({ images: ['debian'] });
  }, 10 * MINUTES);
  afterAll(() => engine[Symbol.asyncDispose]());

  describeProvider({
    name: 'docker provider',
    make: async () => {
      const { socketPath } = engine;
      return dockerProviderSubject({ socketPath, image: DEFAULT_IMAGE, deployment: 'conformance' });
    },
  });
});

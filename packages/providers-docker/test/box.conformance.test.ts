import { describeBox } from '@boxyard/sandbox-conformance';
import { type SharedEngine, sharedTestEngine } from '@tooling/docker-engine';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe } from 'vitest';
import { DEFAULT_IMAGE } from '../src/index.ts';
import { openDockerSubject, removeBoxes } from './docker-subject.ts';

const MINUTES = 60_000;
const deployment = `box-${process.pid}`;
let engine: SharedEngine;
let boxes = 0;

describe('our own image', needs('docker', 'debootstrap'), () => {
  beforeAll(async () => {
    engine = await sharedTestEngine({ images: ['debian'] });
  }, 10 * MINUTES);
  afterAll(async () => {
    await removeBoxes({ socketPath: engine.socketPath, deployment });
    await engine[Symbol.asyncDispose]();
  }, MINUTES);

  describeBox({
    name: 'docker box',
    open: () => {
      const place = { socketPath: engine.socketPath, image: DEFAULT_IMAGE, deployment };
      return openDockerSubject(place, `box-${++boxes}`);
    },
    facts: { kernel: true, reopen: true, freeze: true, killHost: true, leftovers: true },
  });
});

import { type BoxArea, describeBox } from '@boxyard/sandbox-conformance';
import { type BaseImage, type SharedEngine, sharedTestEngine } from '@tooling/docker-engine';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe } from 'vitest';
import { openDockerSubject, removeBoxes } from './docker-subject.ts';

const MINUTES = 60_000;

export interface ImageUnderTest {
  readonly name: string;
  /** What the engine has to have for it. */
  readonly base: BaseImage;
  readonly image: (engine: SharedEngine) => string;
  /** What differs from the other images; all areas with BOXYARD_SOAK=1, and when absent. */
  readonly areas?: readonly BoxArea[];
}

/** The suite on boxes of one image. */
export function describeImage({ name, base, image, areas }: ImageUnderTest): void {
  describe(name, needs('docker', base === 'debian' ? 'debootstrap' : 'busybox'), () => {
    const deployment = `${name.replaceAll(' ', '-')}-${process.pid}`;
    let engine: SharedEngine;
    let boxes = 0;
    beforeAll(async () => {
      engine = await sharedTestEngine({ images: [base] });
    }, 10 * MINUTES);
    afterAll(async () => {
      await removeBoxes({ socketPath: engine.socketPath, deployment });
      await engine[Symbol.asyncDispose]();
    }, MINUTES);

    describeBox({
      name: 'docker box',
      open: () => {
        const place = { socketPath: engine.socketPath, image: image(engine), deployment };
        return openDockerSubject(place, `box-${++boxes}`);
      },
      facts: { kernel: true, reopen: true, freeze: true, killHost: true, leftovers: true },
      ...(areas === undefined || process.env.BOXYARD_SOAK === '1' ? {} : { areas }),
    });
  });
}

// Pausing a container in the moment in which an exec begins in it locks the engine's runtime up: it waits for the exec,
// which is frozen too, before it would thaw anything. Who may write the container's cgroup can let the exec begin.
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';

/** An engine that has not answered by then is locked up, or slow, which does no harm. */
const LOCKED_AFTER_MS = 5000;
const BEGIN_MS = 500;
const SETTLE_MS = 50;
const MOST_TRIES = 10;
const MOST_LOOKS = 100;

interface Freezer {
  readonly path: string;
  readonly thawed: string;
  readonly frozen: string;
}

/** Pauses a container as soon as no exec is beginning in it. */
export async function pause(docker: Docker, id: string): Promise<void> {
  for (let looks = 0; looks < MOST_LOOKS && (await isBeginning(docker, id)); looks++) await delay(SETTLE_MS);
  await docker.getContainer(id).pause();
}

async function isBeginning(docker: Docker, id: string): Promise<boolean> {
  const { ExecIDs } = await docker.getContainer(id).inspect();
  // One that has ended may be forgotten by now.
  const looks = (ExecIDs ?? []).map((exec) =>
    docker
      .getExec(exec)
      .inspect()
      .catch(() => null),
  );
  const begun = (await Promise.all(looks)).map(
    (exec) => exec === null || exec.Pid > 0 || exec.ExitCode !== null,
  );
  return begun.includes(false);
}

/** Unpauses a container, whatever was beginning in it when it was paused; one that is not paused or not there is fine. */
export async function unpause(docker: Docker, id: string): Promise<void> {
  const container = docker.getContainer(id);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const asked = container.unpause().catch(() => undefined);
    await Promise.race([asked, delay(LOCKED_AFTER_MS, undefined, { ref: false })]);
    // The engine may hear of the pause only now, and take what runs for paused.
    await delay(SETTLE_MS);
    const found = await container.inspect().catch(() => null);
    if (found === null || !found.State.Paused) return;
    const freezer = await freezerOf(found.Id);
    if (freezer === null) continue;
    await writeFile(freezer.path, freezer.thawed);
    await delay(BEGIN_MS);
    // The engine still takes it for paused, and unpauses only what is frozen.
    await writeFile(freezer.path, freezer.frozen);
  }
  throw new Error(`The container ${id} stays paused.`);
}

/** As cgroups of the first and the second version have it; null where neither is seen. */
async function freezerOf(id: string): Promise<Freezer | null> {
  const second = { thawed: '0', frozen: '1' };
  const places: readonly Freezer[] = [
    { path: `/sys/fs/cgroup/freezer/docker/${id}/freezer.state`, thawed: 'THAWED', frozen: 'FROZEN' },
    { path: `/sys/fs/cgroup/docker/${id}/cgroup.freeze`, ...second },
    { path: `/sys/fs/cgroup/system.slice/docker-${id}.scope/cgroup.freeze`, ...second },
  ];
  for (const place of places) if (await readFile(place.path).catch(() => null)) return place;
  return null;
}

// What the model calls a box: home, a backend, a machine of a user by its name or id, or the id of a group.
import { Backend, type Machine, type SwapTarget } from '@boxyard/contracts';

/** The only machine of this id or name; null when there is none, or more than one. */
export function machineNamed(named: string, machines: readonly Machine[]): Machine | null {
  const found = machines.filter(({ id, name }) => id === named || name === named);
  const [machine] = found;
  return found.length === 1 && machine !== undefined ? machine : null;
}

/** A backend makes a new box; what is neither home, a backend nor a machine has to be the id of a group. */
export function swapTarget(named: string, machines: readonly Machine[]): SwapTarget {
  if (named === 'home') return named;
  const backend = Backend.safeParse(named);
  if (backend.success) return { backend: backend.data };
  const machine = machineNamed(named, machines);
  return machine === null ? { groupId: named } : { machineId: machine.id };
}

/** For the model: those that it can go to now. */
export function describeMachines(machines: readonly Machine[]): string {
  const there = machines.filter((machine) => machine.swapTarget);
  if (there.length === 0) return 'No machine of a user is there at present.';
  return there
    .map(
      ({ id, name, os, arch, workspaceRoot }) => `${id} ${name} (${os} ${arch}), works in ${workspaceRoot}`,
    )
    .join('\n');
}

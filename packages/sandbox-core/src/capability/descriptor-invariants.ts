import { type Backend, BackendDescriptor } from '@boxyard/contracts';

/** What every descriptor must keep so that the rest may rely on it, each with what is wrong when it does not. */
const RULES: readonly (readonly [holds: (d: BackendDescriptor) => boolean, fault: string])[] = [
  [(d) => d.os.supported.includes(d.os.default), 'os.default is not among os.supported'],
  [
    ({ capabilities: { DesktopStream }, portExposure }) =>
      !DesktopStream.available || portExposure.kind !== 'none',
    'a desktop stream needs a way to expose ports (portExposure.kind is none)',
  ],
  [
    ({ capabilities: { DesktopStream } }) => DesktopStream.available === (DesktopStream.transport !== null),
    'DesktopStream has a transport exactly when it is available',
  ],
  [
    ({ capabilities: { DesktopStream, Recording } }) => Recording.available === DesktopStream.available,
    'Recording must be available exactly when DesktopStream is',
  ],
  [
    ({ capabilities: { Terminal } }) =>
      Terminal.available ? Terminal.transport !== null : Terminal.transport === null && !Terminal.pty,
    'Terminal has a transport exactly when it is available, and no pty without it',
  ],
  [(d) => !d.persistable || d.snapshot.kind !== 'none', 'persistable needs a snapshot kind'],
  [
    (d) => !d.nativeBucketMount || (d.tier !== 'dev' && d.tier !== 'none'),
    'nativeBucketMount is only for cloud tiers',
  ],
];

/** Everything that is wrong with a descriptor given for `backend`; empty when it is sound. */
export function descriptorFaults(backend: Backend, descriptor: BackendDescriptor): readonly string[] {
  const parsed = BackendDescriptor.safeParse(descriptor);
  if (!parsed.success) {
    return parsed.error.issues.map((issue) => `${issue.path.join('.') || 'descriptor'}: ${issue.message}`);
  }
  const faults = RULES.filter(([holds]) => !holds(descriptor)).map(([, fault]) => fault);
  return descriptor.backend === backend
    ? faults
    : [`descriptor.backend is ${descriptor.backend} but it is registered as ${backend}`, ...faults];
}

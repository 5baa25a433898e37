// Who may look down on whom: the table of docs/architecture.md as data. A package that is not here has no place
// yet; giving it one is a decision, so it is a line in this file and not a default.

export interface FloorRow {
  /** Name without the scope; a trailing `*` stands for any ending. The first row that fits counts. */
  readonly name: string;
  /** 0 = ground, 6 = roof; what the picture draws. What holds is `mayImport`. */
  readonly floor: 0 | 1 | 2 | 3 | 4 | 5 | 6;
  /** Workspace packages without the scope, `*` as above. */
  readonly mayImport: readonly string[];
  /** May declare `@openai/*`. Everything else runs without any agent SDK in its graph. */
  readonly agentSdk?: true;
  /** The one file that may import `providers-*`: everywhere else a provider is a value that was handed in. */
  readonly providersOnlyIn?: string;
}

const vendorProvider = (name: string): FloorRow => ({
  name,
  floor: 3,
  mayImport: ['sandbox-core', 'config', 'agents-bridge'],
  agentSdk: true,
});

export const FLOORS: readonly FloorRow[] = [
  { name: 'contracts', floor: 0, mayImport: [] },
  { name: 'agent-proto', floor: 0, mayImport: [] },

  { name: 'sandbox-core', floor: 1, mayImport: ['contracts'] },
  { name: 'config', floor: 1, mayImport: ['contracts'] },
  { name: 'client', floor: 1, mayImport: ['contracts'] },
  { name: 'scripted-model', floor: 1, mayImport: [] },

  { name: 'agents-bridge', floor: 2, mayImport: ['sandbox-core'], agentSdk: true },
  { name: 'store-postgres', floor: 2, mayImport: ['sandbox-core', 'contracts'] },
  { name: 'bus-nats', floor: 2, mayImport: ['sandbox-core'] },
  { name: 'blobs', floor: 2, mayImport: ['sandbox-core'] },
  { name: 'sandbox-conformance', floor: 2, mayImport: ['sandbox-core'] },

  vendorProvider('providers-modal'),
  vendorProvider('providers-daytona'),
  vendorProvider('providers-e2b'),
  vendorProvider('providers-runloop'),
  vendorProvider('providers-blaxel'),
  vendorProvider('providers-cloudflare'),
  vendorProvider('providers-vercel'),
  { name: 'providers-*', floor: 3, mayImport: ['sandbox-core', 'config'] },
  { name: 'selfhosted', floor: 3, mayImport: ['sandbox-core', 'config', 'agent-proto'] },
  { name: 'desktop-x11', floor: 3, mayImport: ['sandbox-core'] },
  { name: 'routing', floor: 3, mayImport: ['sandbox-core', 'contracts'] },
  { name: 'leases', floor: 3, mayImport: ['sandbox-core', 'contracts'] },
  { name: 'channel-a', floor: 3, mayImport: ['sandbox-core', 'contracts'] },
  { name: 'streaming', floor: 3, mayImport: ['sandbox-core', 'contracts', 'agent-proto'] },
  { name: 'recording', floor: 3, mayImport: ['sandbox-core', 'contracts'] },
  { name: 'computer-use', floor: 3, mayImport: ['sandbox-core', 'contracts'] },

  { name: 'sessions', floor: 4, mayImport: ['leases', 'routing', 'sandbox-core', 'contracts'] },
  {
    name: 'turns',
    floor: 4,
    mayImport: ['sessions', 'agents-bridge', 'routing', 'sandbox-core', 'contracts'],
    agentSdk: true,
  },
  { name: 'fleet', floor: 4, mayImport: ['agent-proto', 'sandbox-core', 'contracts'] },

  { name: 'runtime', floor: 5, mayImport: ['*'], agentSdk: true },
  {
    name: 'server-parts',
    floor: 5,
    mayImport: [
      ...['contracts', 'sandbox-core', 'config', 'store-postgres', 'bus-nats', 'blobs', 'routing', 'leases'],
      ...['channel-a', 'streaming', 'recording', 'computer-use', 'selfhosted', 'sessions', 'turns', 'fleet'],
    ],
  },

  { name: 'api', floor: 6, mayImport: ['*'], providersOnlyIn: 'src/compose.ts' },
  { name: 'worker', floor: 6, mayImport: ['*'], agentSdk: true, providersOnlyIn: 'src/compose.ts' },
  {
    name: 'agent',
    floor: 6,
    mayImport: [
      ...['selfhosted', 'providers-local', 'desktop-x11'],
      ...['agent-proto', 'sandbox-core', 'contracts', 'config'],
    ],
  },
  { name: 'relay', floor: 6, mayImport: ['streaming', 'agent-proto', 'config'] },
  { name: 'console', floor: 6, mayImport: ['contracts', 'client'] },
  { name: 'boxyard', floor: 6, mayImport: ['*'] },
];

/** The row of a package, by its name with or without the scope. */
export function floorOf(name: string): FloorRow | undefined {
  return FLOORS.find((row) => fits(row.name, withoutScope(name)));
}

export function mayImport(row: FloorRow, imported: string): boolean {
  return row.mayImport.some((pattern) => fits(pattern, withoutScope(imported)));
}

function fits(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

function withoutScope(name: string): string {
  return name.replace(/^@boxyard\//, '');
}

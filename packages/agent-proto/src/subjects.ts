// Where on NATS a machine is spoken to. Ids stand between dots, so what is not one token is refused: an id with a
// wildcard in it would listen to everybody.

/** Of an enrolled machine; both are UUIDs. */
export interface MachineAddress {
  readonly workspaceId: string;
  /** The id of its enrollment. */
  readonly agentId: string;
}

/** One running agent process of a machine. */
export interface AgentInstance extends MachineAddress {
  /** A UUIDv4 drawn once per process, so that two processes with one identity never both answer. */
  readonly instance: string;
}

/** Everything that is said to and by one agent process. */
export interface AgentSubjects {
  /** Requests to the agent. */
  readonly rpc: string;
  readonly hello: string;
  readonly events: string;
  /** Frames of an op, from the agent. */
  op(opId: string): string;
  /** Acks of an op, to the agent. */
  ack(opId: string): string;
  /** All frames of all its ops. */
  readonly allOps: string;
  readonly allAcks: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** One subject token: no dot, no wildcard, no white space. */
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * The form that only names the machine. An agent serves it when it is told to; whoever knows no instance asks here.
 *
 * @throws RangeError for ids that are no UUIDs.
 */
export function machineSubjects(
  address: MachineAddress,
): Omit<AgentSubjects, 'op' | 'ack' | 'allOps' | 'allAcks'> {
  const base = machineBase(address);
  return { rpc: `${base}.rpc`, hello: `${base}.hello`, events: `${base}.events` };
}

/** @throws RangeError for ids that are no UUIDs, and for op ids that are not one token. */
export function agentSubjects(agent: AgentInstance): AgentSubjects {
  const base = `${machineBase(agent)}.connection.${checkUuid('instance', agent.instance)}`;
  return {
    rpc: `${base}.rpc`,
    hello: `${base}.hello`,
    events: `${base}.events`,
    op: (opId) => `${base}.op.${checkOpId(opId)}`,
    ack: (opId) => `${base}.op.${checkOpId(opId)}.ack`,
    allOps: `${base}.op.*`,
    allAcks: `${base}.op.*.ack`,
  };
}

/** What a subject says about who speaks. It counts; ids in a payload do not. */
export interface SpokenSubject extends MachineAddress {
  /** Null in the form that only names the machine. */
  readonly instance: string | null;
  readonly kind: 'rpc' | 'hello' | 'events';
}

/** Null for a subject that is not one of ours. */
export function parseAgentSubject(subject: string): SpokenSubject | null {
  const tokens = subject.split('.');
  const [first, workspaceId, agentId] = tokens;
  if (first !== 'agent' || !isUuid(workspaceId) || !isUuid(agentId)) return null;
  const rest = tokens.slice(3);
  if (rest.length === 1 && isKind(rest[0])) return { workspaceId, agentId, instance: null, kind: rest[0] };
  const [connection, instance, kind] = rest;
  if (rest.length !== 3 || connection !== 'connection' || !isUuid(instance) || !isKind(kind)) return null;
  return { workspaceId, agentId, instance, kind };
}

function machineBase({ workspaceId, agentId }: MachineAddress): string {
  return `agent.${checkUuid('workspace', workspaceId)}.${checkUuid('agent', agentId)}`;
}

function checkUuid(what: string, value: string): string {
  if (isUuid(value)) return value;
  throw new RangeError(`The ${what} id ${JSON.stringify(value)} is no UUID in lower case.`);
}

function checkOpId(opId: string): string {
  if (TOKEN.test(opId)) return opId;
  throw new RangeError(
    `The op id ${JSON.stringify(opId)} is not one subject token. Use letters, digits, _ and -.`,
  );
}

const isUuid = (value: string | undefined): value is string => value !== undefined && UUID.test(value);
const isKind = (value: string | undefined): value is SpokenSubject['kind'] =>
  value === 'rpc' || value === 'hello' || value === 'events';

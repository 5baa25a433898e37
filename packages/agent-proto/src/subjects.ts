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
  /** Frames of an op, from the agent. Of a reader's own stream: `<reader>.<stream>`. */
  op(streamId: string): string;
  /** Acks of a stream, to the agent. */
  ack(streamId: string): string;
  /** All frames of all its ops. */
  readonly allOps: string;
  readonly allAcks: string;
  /** Acks of the streams that readers have named themselves. */
  readonly allReaderAcks: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** One subject token: no dot, no wildcard, no white space. */
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;
/** An op id, or a reader and the name of its stream. */
const STREAM = /^[A-Za-z0-9_-]{1,128}(\.[A-Za-z0-9_-]{1,128})?$/;
/** The last token of an ack, so no stream may be called so. */
const ACK = 'ack';

/**
 * The form that only names the machine. An agent serves it when it is told to; whoever knows no instance asks here.
 *
 * @throws RangeError for ids that are no UUIDs.
 */
export function machineSubjects(address: MachineAddress): Pick<AgentSubjects, 'rpc' | 'hello' | 'events'> {
  const base = machineBase(address);
  return { rpc: `${base}.rpc`, hello: `${base}.hello`, events: `${base}.events` };
}

/** @throws RangeError for ids that are no UUIDs, and for streams that are neither one token nor two. */
export function agentSubjects(agent: AgentInstance): AgentSubjects {
  const base = `${machineBase(agent)}.connection.${checkUuid('instance', agent.instance)}`;
  return {
    rpc: `${base}.rpc`,
    hello: `${base}.hello`,
    events: `${base}.events`,
    op: (streamId) => `${base}.op.${checkStreamId(streamId)}`,
    ack: (streamId) => `${base}.op.${checkStreamId(streamId)}.ack`,
    allOps: `${base}.op.*`,
    allAcks: `${base}.op.*.ack`,
    allReaderAcks: `${base}.op.*.*.ack`,
  };
}

/**
 * Where one reader hears the streams that it has named itself, whichever machine they come from: one subscription for
 * all of them, made once.
 *
 * @throws RangeError for a reader that is not one subject token.
 */
export function readerFrames(reader: string): string {
  if (reader === ACK || !TOKEN.test(reader)) throw new RangeError(`${JSON.stringify(reader)} is no reader.`);
  return `agent.*.*.connection.*.op.${reader}.*`;
}

/** Where the frames of one op are heard, whichever process of the machine serves it. */
export function machineOpFrames(address: MachineAddress, opId: string): string {
  return `${machineBase(address)}.connection.*.op.${checkStreamId(opId)}`;
}

/** What the subject of a frame or an ack says. */
export interface OpSubject extends AgentInstance {
  readonly streamId: string;
  readonly isAck: boolean;
}

/** Null for a subject that is neither of a frame nor of an ack. */
export function parseOpSubject(subject: string): OpSubject | null {
  const [first, workspaceId, agentId, connection, instance, op, ...rest] = subject.split('.');
  if (first !== 'agent' || connection !== 'connection' || op !== 'op') return null;
  if (!isUuid(workspaceId) || !isUuid(agentId) || !isUuid(instance)) return null;
  const isAck = rest.length > 1 && rest.at(-1) === ACK;
  const streamId = (isAck ? rest.slice(0, -1) : rest).join('.');
  return STREAM.test(streamId) ? { workspaceId, agentId, instance, streamId, isAck } : null;
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

/** What every subject of a machine begins with. @throws RangeError for ids that are no UUIDs. */
export function machineBase({ workspaceId, agentId }: MachineAddress): string {
  return `agent.${checkUuid('workspace', workspaceId)}.${checkUuid('agent', agentId)}`;
}

function checkUuid(what: string, value: string): string {
  if (isUuid(value)) return value;
  throw new RangeError(`The ${what} id ${JSON.stringify(value)} is no UUID in lower case.`);
}

function checkStreamId(streamId: string): string {
  if (STREAM.test(streamId) && !streamId.split('.').includes(ACK)) return streamId;
  throw new RangeError(
    `The op id ${JSON.stringify(streamId)} is not one subject token. Use letters, digits, _ and -.`,
  );
}

const isUuid = (value: string | undefined): value is string => value !== undefined && UUID.test(value);
const isKind = (value: string | undefined): value is SpokenSubject['kind'] =>
  value === 'rpc' || value === 'hello' || value === 'events';

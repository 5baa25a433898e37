// A machine as a control plane's process reaches it: what such a process has to be told, and the box that it opens.
import { type MachineAddress, parseAgentSubject } from '@boxyard/agent-proto';
import { type Hello, HelloSchema } from '@boxyard/agent-proto/messages';
import { MachineBox, type MachineBoxOptions, type MachineTimings, NatsControlRpc } from '@boxyard/selfhosted';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';

export interface ControlUser {
  readonly url: string;
  readonly jwt: string;
  readonly seed: string;
}

export interface HeardHello {
  readonly subject: string;
  readonly hello: Hello;
}

/** As a line of JSON, for another process. */
export interface MachineTerms extends ControlUser {
  readonly subject: string;
  readonly hello: string;
}

export const connectAs = ({ url, jwt, seed }: ControlUser): Promise<NatsConnection> =>
  connect({
    servers: url,
    authenticator: jwtAuthenticator(jwt, Buffer.from(seed)),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
  });

export function termsOf(user: ControlUser, { subject, hello }: HeardHello): MachineTerms {
  return { ...user, subject, hello: Buffer.from(toBinary(HelloSchema, hello)).toString('base64') };
}

export const heardIn = ({ subject, hello }: MachineTerms): HeardHello => ({
  subject,
  hello: fromBinary(HelloSchema, Buffer.from(hello, 'base64')),
});

export interface OpenMachineOptions {
  readonly user: ControlUser;
  readonly heard: HeardHello;
  /** Asked before each request. */
  readonly newestInstance?: (machine: MachineAddress) => string | null;
  readonly timings?: Partial<MachineTimings>;
  readonly relay?: MachineBoxOptions['relay'];
}

/** Nothing is connected before it is used. Its connections end with the box. */
export function openMachineOver({
  user,
  heard,
  newestInstance,
  timings,
  relay,
}: OpenMachineOptions): MachineBox {
  const { workspaceId, agentId } = heard.hello;
  const instance = parseAgentSubject(heard.subject)?.instance ?? null;
  const rpc = new NatsControlRpc({
    connect: () => connectAs(user),
    connectFrames: () => connectAs(user),
    instances: { newestInstance: newestInstance ?? (() => instance) },
  });
  const box = new MachineBox({
    rpc,
    frames: rpc,
    machine: { workspaceId, agentId },
    hello: heard.hello,
    epoch: 1,
    timings: { silenceMs: 2000, requestMs: 5000, ...timings },
    relay,
  });
  const letGo = () => MachineBox.prototype.close.call(box);
  const close = async () => {
    await letGo();
    await rpc.close();
  };
  return Object.assign(box, { close, [Symbol.asyncDispose]: close });
}

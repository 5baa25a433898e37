// Machines and the control plane, connected to a real nats-server.
import { connect, jwtAuthenticator, type NatsConnection, type TlsOptions } from '@nats-io/transport-node';
import { v7 as uuidv7 } from 'uuid';
import { createControlUser } from '../src/control-user.ts';
import { type MachineJwtSigner, MachineJwts } from '../src/machine-jwt.ts';
import { newMachine, type TestMachine } from './fleet-stage.ts';

export interface ConnectedMachine extends TestMachine {
  readonly workspaceId: string;
  readonly agentId: string;
  readonly jwt: string;
  readonly connection: NatsConnection;
}

export interface ConnectMachineOptions {
  readonly workspaceId?: string;
  readonly agentId?: string;
  readonly machine?: TestMachine;
  readonly jwtTtlMs?: number;
  /** One that it was given before. */
  readonly jwt?: string;
  readonly tls?: TlsOptions;
}

/** As an agent does it: with its own key and the JWT that it was given. */
export async function connectMachine(
  url: string,
  signer: MachineJwtSigner,
  options: ConnectMachineOptions = {},
): Promise<ConnectedMachine> {
  const { workspaceId = uuidv7(), agentId = uuidv7(), machine = newMachine() } = options;
  const jwts = new MachineJwts(signer, options.jwtTtlMs ?? 300_000);
  const { publicKey } = machine.description;
  const jwt = options.jwt ?? (await jwts.mint({ workspaceId, agentId, publicKey })).jwt;
  const connection = await connect({
    servers: url,
    authenticator: jwtAuthenticator(jwt, machine.key.getSeed()),
    reconnect: false,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
  });
  return { ...machine, workspaceId, agentId, jwt, connection };
}

export async function connectControlPlane(url: string, signer: MachineJwtSigner) {
  const user = await createControlUser(signer);
  return { connection: await connect({ servers: url, ...user }), inboxPrefix: user.inboxPrefix };
}

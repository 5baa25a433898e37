import { agentSubjects, machineSubjects } from '@boxyard/agent-proto';
import { createUser } from '@nats-io/nkeys';
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { startNatsServer, type TestNatsServer } from '@tooling/nats-server';
import { needs } from '@tooling/system-parts';
import { v4 as uuidv4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MachineJwts } from '../src/machine-jwt.ts';
import { createNatsOperator, type NatsOperator, natsTrustConfig, signerOf } from '../src/nats-operator.ts';
import { type ConnectedMachine, connectControlPlane, connectMachine } from './machine-connection.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const instance = uuidv4();

describe('a hostile machine that is enrolled', needs('nats-server'), () => {
  let operator: NatsOperator;
  let server: TestNatsServer;
  let control: NatsConnection;
  let inboxPrefix: string;
  let hostile: ConnectedMachine;
  let victim: ConnectedMachine;
  /** What the control plane heard, by subject. */
  const heard: string[] = [];

  beforeAll(async () => {
    operator = await createNatsOperator();
    server = await startNatsServer({ config: await natsTrustConfig(operator) });
    ({ connection: control, inboxPrefix } = await connectControlPlane(server.url, signerOf(operator)));
    for (const subject of ['agent.*.*.hello', 'agent.*.*.events', 'agent.*.*.connection.*.op.>']) {
      control.subscribe(subject, { callback: (_, { subject: said }) => void heard.push(said) });
    }
    victim = await connectMachine(server.url, signerOf(operator));
    hostile = await connectMachine(server.url, signerOf(operator), { workspaceId: victim.workspaceId });
    serve(victim, 'from the victim');
    await Promise.all([control.flush(), victim.connection.flush()]);
  });
  afterAll(async () => {
    await Promise.all([hostile, victim].map(({ connection }) => connection?.close()));
    await control?.close();
    await server?.[Symbol.asyncDispose]();
  });

  function serve(machine: ConnectedMachine, answer: string) {
    const subject = agentSubjects({ ...machine, instance }).rpc;
    machine.connection.subscribe(subject, { callback: (_, message) => void message.respond(bytes(answer)) });
  }

  const ask = async (machine: ConnectedMachine) => {
    const { data } = await control.request(agentSubjects({ ...machine, instance }).rpc, bytes('ping'), {
      timeout: 30_000,
    });
    return new TextDecoder().decode(data);
  };

  /** What the server answers to a subscription: null when it lets it be. */
  async function refusalOfSubscription(subject: string, queue?: string): Promise<string | null> {
    const refused = Promise.withResolvers<string | null>();
    const subscription = hostile.connection.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error) => refused.resolve(error === null ? null : error.message),
    });
    // The refusal of a subscription comes before the answer to a flush that was sent behind it.
    await hostile.connection.flush();
    refused.resolve(null);
    const outcome = await refused.promise;
    subscription.unsubscribe();
    return outcome;
  }

  const everything = () => {
    const theirs = agentSubjects({ ...victim, instance });
    return [
      '>',
      '*',
      '*.>',
      '_INBOX.>',
      '_CONTROL.>',
      `${inboxPrefix}.>`,
      '$SYS.>',
      '$JS.API.>',
      'agent.>',
      'agent.*.*.rpc',
      `agent.*.${hostile.agentId}.>`,
      `agent.${victim.workspaceId}.>`,
      `agent.${victim.workspaceId}.*.rpc`,
      `agent.${victim.workspaceId}.${victim.agentId}.>`,
      theirs.rpc,
      theirs.hello,
      theirs.events,
      theirs.allOps,
      theirs.allAcks,
      machineSubjects(victim).rpc,
    ];
  };

  test('listens to nobody but itself, alone or in a queue', async () => {
    for (const subject of everything()) {
      expect(await refusalOfSubscription(subject), subject).toContain('Permissions Violation');
      expect(await refusalOfSubscription(subject, 'boxyard'), subject).toContain('Permissions Violation');
    }
    const own = agentSubjects({ ...hostile, instance });
    for (const subject of [own.rpc, own.allAcks, own.allReaderAcks, machineSubjects(hostile).rpc]) {
      expect(await refusalOfSubscription(subject), subject).toBeNull();
    }
  });

  test('speaks for nobody but itself, and to nobody but the control plane', async () => {
    const theirs = agentSubjects({ ...victim, instance });
    const own = agentSubjects({ ...hostile, instance });
    heard.length = 0;
    const refused = new Set<string>();
    const watching = (async () => {
      for await (const status of hostile.connection.status()) {
        const said = status.type === 'error' ? status.error.message : '';
        const subject = /Publish to "([^"]+)"|publish.*"([^"]+)"/i.exec(said);
        if (subject !== null) refused.add(subject[1] ?? subject[2]!);
      }
    })();
    const forbidden = [
      theirs.hello,
      theirs.events,
      theirs.op('reader.1'),
      theirs.ack('reader.1'),
      theirs.rpc,
      own.rpc,
      machineSubjects(victim).hello,
      machineSubjects(victim).rpc,
      `${inboxPrefix}.guess`,
      '_INBOX.guess',
      '$SYS.REQ.USER.INFO',
      `$SYS.REQ.ACCOUNT.${signerOf(operator).account}.CLAIMS.UPDATE`,
      'anything',
    ];
    for (const subject of forbidden) hostile.connection.publish(subject, bytes('hostile'));
    hostile.connection.publish(own.hello, bytes('honest'));
    hostile.connection.publish(machineSubjects(hostile).events, bytes('honest'));
    hostile.connection.publish(own.op('reader.1'), bytes('honest'));
    await hostile.connection.flush();
    await control.flush();
    await expect.poll(() => [...refused].sort(), { timeout: 30_000 }).toEqual([...forbidden].sort());
    expect(heard.sort()).toEqual([machineSubjects(hostile).events, own.op('reader.1')].sort());
    expect(await ask(victim)).toBe('from the victim');
    await hostile.connection.close();
    await watching;
    const { workspaceId, agentId } = hostile;
    hostile = await connectMachine(server.url, signerOf(operator), {
      workspaceId,
      agentId,
      machine: hostile,
    });
  });

  test('answers once what it was asked, and to nobody else', async () => {
    const asked = Promise.withResolvers<string>();
    const subject = agentSubjects({ ...hostile, instance }).rpc;
    hostile.connection.subscribe(subject, {
      callback: (_, message) => {
        asked.resolve(message.reply!);
        for (const answer of ['first', 'second', 'third']) message.respond(bytes(answer));
      },
    });
    await hostile.connection.flush();
    expect(await ask(hostile)).toBe('first');
    const violations: string[] = [];
    void (async () => {
      for await (const status of hostile.connection.status()) {
        if (status.type === 'error') violations.push(status.error.message);
      }
    })();
    hostile.connection.publish(await asked.promise, bytes('much later'));
    await expect.poll(() => violations.join(), { timeout: 30_000 }).toContain('Permissions Violation');
  });

  test('does not get in with the JWT of another, one that ran out, or one that it signed itself', async () => {
    const attempt = async (jwt: string, seed: Uint8Array) => {
      const connection = await connect({
        servers: server.url,
        authenticator: jwtAuthenticator(jwt, seed),
        reconnect: false,
      }).catch((error: Error) => error);
      if (connection instanceof Error) return connection.message;
      await connection.close();
      return 'connected';
    };
    const jwts = new MachineJwts(signerOf(operator), 300_000);
    const own = { ...hostile, publicKey: hostile.description.publicKey };
    const { jwt: ofVictim } = await jwts.mint({ ...victim, publicKey: victim.description.publicKey });
    const { jwt: old } = await jwts.mint(own, new Date(Date.now() - 301_000));
    const foreign = new MachineJwts(signerOf(await createNatsOperator()), 300_000);
    const { jwt: forged } = await foreign.mint(own);
    const seed = hostile.key.getSeed();
    for (const jwt of [ofVictim, old, forged]) expect(await attempt(jwt, seed)).toMatch(/authorization/i);
    expect(await attempt((await jwts.mint(own)).jwt, createUser().getSeed())).toMatch(/authorization/i);
    expect(await attempt((await jwts.mint(own)).jwt, seed)).toBe('connected');
    const nobody = await connect({ servers: server.url, reconnect: false }).catch((error: Error) => error);
    expect(nobody).toBeInstanceOf(Error);
  });

  test('is cut when its JWT runs out', async () => {
    const { connection } = await connectMachine(server.url, signerOf(operator), { jwtTtlMs: 2_000 });
    const reason = await connection.closed();
    expect(String(reason)).toMatch(/expired|authorization/i);
  });
});

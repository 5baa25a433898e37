export { startNatsServer, type TestNatsServer, type TestNatsServerOptions } from './test-nats-server.ts';

export { type CuttingProxy, cuttingProxy, type ProxyDirection } from './cutting-proxy.ts';
export { startNatsServer, type TestNatsServer, type TestNatsServerOptions } from './test-nats-server.ts';

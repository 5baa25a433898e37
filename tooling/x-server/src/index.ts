export { startXServer, type TestXServer, type TestXServerOptions } from './test-x-server.ts';

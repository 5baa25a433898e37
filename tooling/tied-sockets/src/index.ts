export { TiedSockets } from './tied-sockets.ts';

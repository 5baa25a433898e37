import type { BoxFiles } from '@boxyard/sandbox-core';
import { untilRead, wasRead } from './held-stream.ts';
import type { Route } from './route.ts';
import type { OpenedBox } from './route-stop.ts';

/** The files of the box that is active when a call is made. */
export function routedFiles<Opened extends OpenedBox>(route: Route<Opened>): BoxFiles {
  return {
    read: (path, options) =>
      route.look(options, ({ opened }, left) => opened.box.files.read(path, { ...options, ...left })),
    open: (path, options) =>
      route.look(options, async (stop, left) => {
        const release = stop.use();
        try {
          const file = await stop.opened.box.files.open(path, { ...options, ...left });
          return { ...file, stream: untilRead(file.stream, release) };
        } catch (error) {
          release();
          throw error;
        }
      }),
    version: (path, options) =>
      route.look(options, ({ opened }, left) => opened.box.files.version(path, left)),
    stat: (path, options) => route.look(options, ({ opened }, left) => opened.box.files.stat(path, left)),
    list: (path, options) => route.look(options, ({ opened }, left) => opened.box.files.list(path, left)),
    write: (path, content, options) =>
      route.change(
        options,
        ({ opened }, left) => opened.box.files.write(path, content, { ...options, ...left }),
        // What was taken out of a stream cannot be sent a second time.
        () => content instanceof Uint8Array || !wasRead(content),
      ),
    move: (from, to, options) =>
      route.change(options, ({ opened }, left) => opened.box.files.move(from, to, { ...options, ...left })),
    remove: (path, options) =>
      route.change(options, ({ opened }, left) => opened.box.files.remove(path, { ...options, ...left })),
    mkdir: (path, options) =>
      route.change(options, ({ opened }, left) => opened.box.files.mkdir(path, { ...options, ...left })),
  };
}

import { describeImage } from './describe-image.ts';

describeImage({
  name: 'busybox alone',
  base: 'busybox',
  image: (engine) => engine.images.busybox,
  // Its env cannot give a signal back that the shell has made a command ignore.
  interrupt: false,
});

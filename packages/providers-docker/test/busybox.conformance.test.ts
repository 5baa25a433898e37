import { describeImage } from './describe-image.ts';

describeImage({
  name: 'busybox alone',
  base: 'busybox',
  image: (engine) => engine.images.busybox,
});

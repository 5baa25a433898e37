import { describeImage } from './describe-image.ts';

describeImage({
  name: 'a plain shell and few tools',
  base: 'few-tools',
  image: (engine) => engine.images['few-tools'],
});

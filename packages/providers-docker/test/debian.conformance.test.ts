// Our own image is the same with git, ps and folders that are there already.
import { describeImage } from './describe-image.ts';

describeImage({
  name: 'debian alone',
  base: 'debian',
  image: (engine) => engine.images.debian,
  areas: ['spawn', 'attach', 'confinement', 'close'],
});

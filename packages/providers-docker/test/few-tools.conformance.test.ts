// Commands and files are all that is done otherwise on an image without tools.
import { describeImage } from './describe-image.ts';

describeImage({
  name: 'a plain shell and few tools',
  base: 'few-tools',
  image: (engine) => engine.images['few-tools'],
  areas: ['exec', 'spawn', 'stdin', 'kill', 'files', 'confinement'],
});

import { DEFAULT_IMAGE } from '../src/index.ts';
import { describeImage } from './describe-image.ts';

describeImage({ name: 'our own image', base: 'debian', image: () => DEFAULT_IMAGE });

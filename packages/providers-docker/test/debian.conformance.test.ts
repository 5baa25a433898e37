import { describeImage } from './describe-image.ts';

describeImage({ name: 'debian alone', base: 'debian', image: (engine) => engine.images.debian });

const IMAGE = /\.(?:apng|avif|bmp|gif|heic|ico|jpe?g|png|svg|tiff?|webp)$/i;

/** Whether a browser would show the file as a picture, by its name. */
export function isImagePath(path: string): boolean {
  return IMAGE.test(path);
}

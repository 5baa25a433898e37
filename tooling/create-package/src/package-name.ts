/** The names that a package's folder name gives rise to. */
export interface PackageNames {
  /** `bus-redis` */
  readonly folder: string;
  /** `busRedis` */
  readonly camel: string;
  /** `BusRedis` */
  readonly pascal: string;
}

/** Throws when the name cannot be a folder and a package name at once. */
export function packageNames(folder: string): PackageNames {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(folder))
    throw new Error(
      `'${folder}' cannot name a package: use lower case words joined by '-', such as bus-redis.`,
    );
  const pascal = folder
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
  return { folder, pascal, camel: pascal.charAt(0).toLowerCase() + pascal.slice(1) };
}

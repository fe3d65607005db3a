/**
 * Where package clients go that nobody configured, for what asks registries in their stead: a machine without a
 * client, or without settings of it, should get its packages from the same places as with them. The only place that
 * names public registries; whatever the client says comes first.
 */
export const clientDefaults = {
  npm: 'https://registry.npmjs.org/',
  /** What a lock file of Yarn 1 names, whatever registry is set. */
  yarn: 'https://registry.yarnpkg.com/',
  pypi: 'https://pypi.org/simple',
  go: 'https://proxy.golang.org',
  goSums: 'https://sum.golang.org',
  maven: 'https://repo.maven.apache.org/maven2',
  composer: 'https://repo.packagist.org',
  rubygems: 'https://rubygems.org',
  gradle: 'https://services.gradle.org/distributions',
  gradlePlugins: 'https://plugins.gradle.org/m2',
} as const;

/** Hosts that keep the files of those registries. */
export const clientFileHosts = {
  pypi: 'files.pythonhosted.org',
  go: 'storage.googleapis.com',
} as const;

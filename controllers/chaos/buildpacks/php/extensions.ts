import { phpVersion } from '../../base/runtimes/php.ts';

/** Extensions that PHP itself brings. */
const builtIn = new Set(
  `calendar core ctype date exif ffi fileinfo filter ftp gettext hash iconv json libxml openssl pcntl pcre pdo
  phar posix random readline reflection session shmop sockets sodium spl standard sysvmsg sysvsem sysvshm
  tokenizer zlib opcache zend-opcache`.split(/\s+/),
);

/** Extensions whose Debian package has another name. */
const renamed: Readonly<Record<string, string>> = {
  dom: 'xml',
  mysqli: 'mysql',
  mysqlnd: 'mysql',
  pdo_mysql: 'mysql',
  pdo_pgsql: 'pgsql',
  pdo_sqlite: 'sqlite3',
  pdo_odbc: 'odbc',
  pdo_dblib: 'sybase',
  simplexml: 'xml',
  xmlreader: 'xml',
  xmlwriter: 'xml',
  xsl: 'xml',
};

const packaged = new Set(
  `amqp apcu ast bcmath bz2 curl dba ds enchant gd gearman gmagick gmp gnupg http igbinary imagick imap intl
  ldap mailparse maxminddb mbstring mcrypt memcache memcached mongodb msgpack mysql oauth odbc pcov pgsql ps
  pspell raphf redis rrd snmp soap solr sqlite3 ssh2 stomp sybase tidy uopz uploadprogress uuid xdebug xml
  xmlrpc yac yaml zip zmq`.split(/\s+/),
);

/** What most applications expect without saying so. */
export const usual = ['curl', 'mbstring', 'xml'] as const;
/** More of it, for applications without composer.json, which cannot say. */
export const usualUnsaid = [...usual, 'gd', 'intl', 'mysql', 'sqlite3', 'zip'] as const;

export interface ExtensionPackages {
  readonly packages: readonly string[];
  /** Extensions that Debian does not have. */
  readonly missing: readonly string[];
}

/** Debian packages of extensions as composer.json names them after `ext-`. */
export function packagesOf(extensions: readonly string[]): ExtensionPackages {
  const packages = new Set<string>();
  const missing: string[] = [];
  for (const extension of extensions.map((name) => name.toLowerCase())) {
    const name = renamed[extension] ?? extension;
    if (builtIn.has(name)) continue;
    if (packaged.has(name)) packages.add(`php${phpVersion}-${name}`);
    else missing.push(extension);
  }
  return { packages: [...packages].toSorted(), missing };
}

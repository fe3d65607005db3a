import { createHash } from 'node:crypto';
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from '@skyarc/lib/process';

type Files = Readonly<Record<string, string>>;

/** An app of some size in one language, with what a careful person would write for the rival. */
export interface BenchApp {
  readonly name: string;
  /** Its source; with lock files where the language has them. */
  files(packagesUrl: string): Promise<Files>;
  /** What a commit of somebody at work changes. */
  readonly change: (round: number) => Files;
  /** Folders of the layer store that only the rival's building stage needs, by the beginning of their names. */
  readonly tools: readonly string[];
  /**
   * The rival's file: `run` is an image of the same base and runtime, `build` that with the tools. It caches what
   * Docker's guides for the language say.
   */
  readonly dockerfile: string;
  readonly memoryMb?: number;
}

const languages = join(import.meta.dirname, '../journeys/build/languages');
const user = 'USER 1000:1000';

export const benchApps: readonly BenchApp[] = [
  {
    name: 'nodejs',
    files: async (packagesUrl) => ({
      ...(await withLock(packagesUrl, {
        name: 'shop',
        private: true,
        scripts: { start: 'node server.js' },
        dependencies: { express: '5.1.0', ejs: '3.1.10', lodash: '4.17.21', pino: '10.1.0', zod: '4.1.12' },
      })),
      'server.js':
        "const app = require('express')();\nrequire('./src/routes.js')(app);\napp.listen(process.env.PORT);\n",
      'src/routes.js':
        "module.exports = (app) => app.get('/', (_, answer) => answer.send(require('./version.js')));\n",
      ...modules('src/part', 'js', (text) => `module.exports = ${text};\n`),
      ...assets('public'),
    }),
    change: (round) => ({ 'src/version.js': `module.exports = 'version ${round}';\n` }),
    tools: [],
    dockerfile: `FROM run
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund --cache /tmp/npm && rm -rf /tmp/npm
COPY . .
${user}
CMD ["node", "server.js"]`,
  },
  {
    name: 'nextjs',
    memoryMb: 3_072,
    files: async () => ({
      // Without a lock: npm ci refuses one that lacks what Next.js offers for other systems, as some mirrors do.
      'package.json': JSON.stringify({
        name: 'site',
        private: true,
        scripts: { build: 'next build', start: 'next start' },
        dependencies: { next: '16.4.6', react: '19.3.1', 'react-dom': '19.3.1' },
      }),
      'next.config.mjs': "export default { output: 'standalone' };\n",
      'app/layout.jsx':
        'export default function Layout({ children }) {\n  return <html lang="en"><body>{children}</body></html>;\n}\n',
      'app/page.jsx':
        "import { version } from '../lib/version.js';\nexport default function Page() {\n  return <h1>{version}</h1>;\n}\n",
      'app/api/time/route.js':
        "export const dynamic = 'force-dynamic';\nexport function GET() {\n  return Response.json({ time: Date.now() });\n}\n",
      ...pages(20),
      ...assets('public'),
    }),
    change: (round) => ({ 'lib/version.js': `export const version = 'version ${round}';\n` }),
    tools: [],
    dockerfile: `FROM build AS build
WORKDIR /app
COPY package.json ./
RUN npm install --no-audit --no-fund --cache /tmp/npm && rm -rf /tmp/npm
COPY . .
RUN --mount=type=cache,target=/app/.next/cache NEXT_TELEMETRY_DISABLED=1 npm run build
FROM run
WORKDIR /app
COPY --from=build /app/.next/standalone ./
COPY --from=build /app/.next/static ./.next/static
COPY --from=build /app/public ./public
${user}
CMD ["node", "server.js"]`,
  },
  {
    name: 'python',
    files: async () => ({
      ...(await filesOf('django')),
      ...modules('shop/part', 'py', (text) => `VALUES = ${text}\n`),
      ...assets('static'),
    }),
    change: (round) => ({ 'templates/home.html': `<p>Hello {{ name }}, version ${round}</p>\n` }),
    tools: [],
    dockerfile: `FROM run
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt gunicorn
COPY . .
RUN python manage.py collectstatic --noinput
${user}
CMD ["gunicorn", "shop.wsgi"]`,
  },
  {
    name: 'go',
    files: async () => ({ ...(await filesOf('gin')), ...assets('static') }),
    change: (round) => ({
      'version.go': `package main\n\nconst version = "version ${round}"\n\nfunc init() { println(version) }\n`,
    }),
    tools: ['go-1.'],
    dockerfile: `FROM build AS build
ENV PATH=/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin CGO_ENABLED=0 GOTOOLCHAIN=local
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build go build -trimpath -ldflags="-s -w" -o /out/app .
FROM run
WORKDIR /app
COPY --from=build /out/app /app/bin/app
COPY templates ./templates
COPY static ./static
${user}
CMD ["/app/bin/app"]`,
  },
  {
    name: 'java',
    files: async () => ({
      ...(await filesOf('spring-boot')),
      'skyarc.yml': 'build: { module: web }\n',
      ...assets('web/src/main/resources/static'),
    }),
    change: (round) => ({
      'web/src/main/java/shop/web/Version.java': `package shop.web;\n\nclass Version {\n  static final String TEXT = "version ${round}";\n}\n`,
    }),
    tools: ['java-17-jdk', 'maven-debian'],
    dockerfile: `FROM build AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.m2/repository mvn -q -B -ntp -s /etc/bench-maven.xml -DskipTests -pl web -am package
RUN java -Djarmode=tools -jar web/target/web-1.0.0.jar extract --layers --launcher --destination /out
FROM run
WORKDIR /app
COPY --from=build /out/dependencies/ ./
COPY --from=build /out/spring-boot-loader/ ./
COPY --from=build /out/application/ ./
${user}
CMD ["java", "org.springframework.boot.loader.launch.JarLauncher"]`,
  },
  {
    name: 'php',
    files: async () => ({
      'composer.json': JSON.stringify({
        name: 'shop/site',
        require: { 'ext-mbstring': '*', 'ext-curl': '*' },
        autoload: { 'psr-4': { 'Shop\\': 'src/' } },
      }),
      'composer.lock': JSON.stringify({ packages: [], 'packages-dev': [] }),
      'public/index.php': '<?php require "../vendor/autoload.php"; echo Shop\\Version::TEXT;\n',
      ...modules('src/Part', 'php', (text) => `<?php namespace Shop; return ${text};\n`),
      ...assets('public/images'),
    }),
    change: (round) => ({
      'src/Version.php': `<?php namespace Shop; class Version { const TEXT = "version ${round}"; }\n`,
    }),
    tools: ['composer'],
    dockerfile: `FROM build AS build
WORKDIR /app
COPY composer.json composer.lock ./
RUN COMPOSER_ALLOW_SUPERUSER=1 composer install --no-dev --no-interaction --no-autoloader --no-scripts
COPY . .
RUN COMPOSER_ALLOW_SUPERUSER=1 composer dump-autoload --no-dev --optimize
FROM run
WORKDIR /app
COPY --from=build /app ./
${user}
CMD ["serve-php", "/app/public"]`,
  },
  {
    name: 'static',
    files: async () => ({
      'index.html': '<h1>Shop</h1>\n',
      ...modules('part', 'js', (text) => `export default ${text};\n`),
      ...assets('images'),
    }),
    change: (round) => ({ 'version.txt': `version ${round}\n` }),
    tools: [],
    dockerfile: `FROM run
COPY . /app
${user}
CMD ["serve-static", "/app"]`,
  },
];

/** Text files of a folder, path -> content; a bare name is a fixture of the journeys. */
export async function filesOf(name: string): Promise<Files> {
  const folder = resolve(languages, name);
  const files: Record<string, string> = {};
  for await (const entry of glob('**/*', { cwd: folder, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files[path.slice(folder.length + 1)] = await readFile(path, 'utf8');
  }
  return files;
}

/** package.json and the lock file that npm makes of it. */
export async function withLock(packagesUrl: string, pkg: Readonly<Record<string, unknown>>): Promise<Files> {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-lock-'));
  try {
    const text = JSON.stringify({ version: '1.0.0', ...pkg }, null, 2);
    await writeFile(join(folder, 'package.json'), text);
    const options = ['--package-lock-only', '--omit-lockfile-registry-resolved', '--no-audit', '--no-fund'];
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder, npm_config_registry: `${packagesUrl}/npm/` };
    const { code, stderr } = await run('npm', ['install', ...options], {
      cwd: folder,
      env,
      timeoutMs: 120_000,
    });
    if (code !== 0) throw new Error(`npm cannot lock: ${stderr}`);
    return {
      'package.json': text,
      'package-lock.json': await readFile(join(folder, 'package-lock.json'), 'utf8'),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Sixty modules of 4 KB, as an app of some years has them. */
function modules(prefix: string, ending: string, wrap: (text: string) => string): Files {
  const names = Array.from({ length: 60 }, (_, index) => `${prefix}${index}`);
  return Object.fromEntries(
    names.map((name) => [`${name}.${ending}`, wrap(JSON.stringify(noise(name, 3_000)))]),
  );
}

/** Half a megabyte that does not compress well, as pictures. */
function assets(folder: string): Files {
  const names = Array.from({ length: 8 }, (_, index) => `${folder}/picture-${index}.svg`);
  return Object.fromEntries(names.map((name) => [name, `<svg><!-- ${noise(name, 48_000)} --></svg>\n`]));
}

function pages(count: number): Files {
  const names = Array.from({ length: count }, (_, index) => `page-${index}`);
  return Object.fromEntries(
    names.map((name) => [
      `app/${name}/page.jsx`,
      `export default function Page() {\n  return <p>${noise(name, 3_000)}</p>;\n}\n`,
    ]),
  );
}

/** Equal for equal names; base64 of bytes that look random. */
function noise(name: string, bytes: number): string {
  const blocks: Buffer[] = [];
  for (let index = 0; index * 32 < bytes; index += 1)
    blocks.push(createHash('sha256').update(`${name} ${index}`).digest());
  return Buffer.concat(blocks).toString('base64url');
}

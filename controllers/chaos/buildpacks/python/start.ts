import type { SourceTree } from '../../sources/tree.ts';

/** Files that apps begin in by custom. */
export const programs = ['wsgi.py', 'asgi.py', 'app.py', 'main.py', 'server.py', 'run.py', 'application.py'];
const inFolders = ['app', 'src', 'api', 'backend'].flatMap((folder) =>
  ['main.py', 'app.py', '__init__.py'].map((file) => `${folder}/${file}`),
);

/** Servers that we add to an app that has none. */
export const servers = { wsgi: 'gunicorn==23.0.0', asgi: 'uvicorn==0.35.0' } as const;

export interface Start {
  readonly command: string;
  /** A requirement to install for it; null when the app brings all. */
  readonly server: string | null;
  /** The text of the program, for the ports in it. */
  readonly text: string;
  readonly framework: string | null;
  /** Django's static files are to be collected. */
  readonly collectsStatic: boolean;
}

/** How the app starts, as the guides of its framework say; null when nothing tells. */
export async function findStart(source: SourceTree, names: ReadonlySet<string>): Promise<Start | null> {
  const django = await findDjango(source, names);
  if (django) return django;
  const found: Entry[] = [];
  for (const path of [...programs, ...inFolders]) {
    const text = await source.readText(path);
    if (text !== null) found.push({ path, text, module: await moduleOf(source, path) });
  }
  for (const entry of found) {
    const start = serve(entry, names);
    if (start) return start;
  }
  const main = found.find(
    ({ path, text }) => programs.includes(path) && (servesItself(text) || !/wsgi|asgi/.test(path)),
  );
  if (!main) return null;
  return { ...nothing, command: `python3 ${main.path}`, text: main.text };
}

interface Entry {
  readonly path: string;
  readonly text: string;
  readonly module: string;
}

const nothing = { server: null, framework: null, collectsStatic: false } as const;

function servesItself(text: string): boolean {
  return /__main__|\.serve_forever\(|\.run\(/.test(text);
}

async function findDjango(source: SourceTree, names: ReadonlySet<string>): Promise<Start | null> {
  const text = await source.readText('manage.py');
  const settings = /DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']/.exec(text ?? '')?.[1];
  if (text === null) return null;
  if (!settings)
    return {
      ...nothing,
      command: 'python3 manage.py runserver 0.0.0.0:$PORT',
      text: '',
      framework: 'Django',
    };
  const site = settings.replace(/\.settings.*$/, '');
  const settingsText =
    (await source.readText(`${settings.replaceAll('.', '/')}.py`)) ??
    (await source.readText(`${settings.replaceAll('.', '/')}/__init__.py`)) ??
    '';
  const collectsStatic = /^\s*STATIC_ROOT\s*=/m.test(settingsText);
  const isAsgi =
    ['channels', 'daphne'].some((name) => names.has(name)) &&
    (await source.has(`${site.replaceAll('.', '/')}/asgi.py`));
  const start = isAsgi
    ? asgi(`${site}.asgi:application`, names, '')
    : wsgi(`${site}.wsgi:application`, names);
  return { ...nothing, ...start, text: '', framework: 'Django', collectsStatic };
}

const asgiMakers =
  /^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(FastAPI|Starlette|Quart|Litestar|BlackSheep|Sanic|Falcon)\(/m;
const wsgiMakers =
  /^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(Flask|Bottle|App|default_app|get_wsgi_application|OpenAPI)\(/m;
const factory = /^def (create_app|make_app|get_app)\(/m;

/** The app's object is found by its framework, `app` or `application` by custom, or made by a factory. */
function serve({ text, module, path }: Entry, names: ReadonlySet<string>): Start | null {
  if (names.has('streamlit') && /\bstreamlit\b/.test(text)) {
    const command = `streamlit run ${path} --server.port $PORT --server.address 0.0.0.0 --server.headless true`;
    return { ...nothing, command, text: '', framework: 'Streamlit' };
  }
  const maker = asgiMakers.exec(text);
  if (maker) {
    return { ...nothing, ...asgi(`${module}:${maker[1]}`, names, ''), text, framework: maker[2] as string };
  }
  const wsgiMaker = wsgiMakers.exec(text);
  const isFlask = wsgiMaker?.[2] === 'Flask' || names.has('flask');
  const framework = wsgiMaker?.[2] === 'Flask' ? 'Flask' : null;
  if (wsgiMaker) return { ...nothing, ...wsgi(`${module}:${wsgiMaker[1]}`, names), text, framework };
  const made = factory.exec(text)?.[1];
  if (made && /FastAPI|Starlette/.test(text))
    return { ...nothing, ...asgi(`${module}:${made}`, names, ' --factory'), text, framework: 'FastAPI' };
  if (made && isFlask) return { ...nothing, ...wsgi(`${module}:${made}()`, names), text, framework: 'Flask' };
  const object = /^(app|application)\s*=|^(?:def|class) (application)\b/m.exec(text);
  if (!object || (servesItself(text) && !names.has('gunicorn'))) return null;
  const isAsgi = /\basgi\b/i.test(path) || (names.has('uvicorn') && !names.has('gunicorn'));
  const place = `${module}:${object[1] ?? object[2]}`;
  return { ...nothing, ...(isAsgi ? asgi(place, names, '') : wsgi(place, names)), text };
}

function asgi(place: string, names: ReadonlySet<string>, flags: string): Pick<Start, 'command' | 'server'> {
  if (!names.has('uvicorn') && names.has('hypercorn') && !flags)
    return { command: `hypercorn --bind 0.0.0.0:$PORT ${place}`, server: null };
  if (!names.has('uvicorn') && names.has('daphne') && !flags)
    return { command: `daphne -b 0.0.0.0 -p $PORT ${place}`, server: null };
  return {
    command: `uvicorn ${place} --host 0.0.0.0 --port $PORT${flags}`,
    server: ['uvicorn', 'fastapi-cli'].some((name) => names.has(name)) ? null : servers.asgi,
  };
}

function wsgi(place: string, names: ReadonlySet<string>): Pick<Start, 'command' | 'server'> {
  if (!names.has('gunicorn') && names.has('waitress'))
    return { command: `waitress-serve --listen=0.0.0.0:$PORT ${place}`, server: null };
  const quoted = place.endsWith(')') ? `'${place}'` : place;
  return {
    command: `gunicorn --bind 0.0.0.0:$PORT --access-logfile - ${quoted}`,
    server: names.has('gunicorn') ? null : servers.wsgi,
  };
}

/** Name for importing: `src` without `__init__.py` is a place to import from, not a package. */
async function moduleOf(source: SourceTree, path: string): Promise<string> {
  const isPackage = !path.startsWith('src/') || (await source.has('src/__init__.py'));
  return (isPackage ? path : path.replace(/^src\//, ''))
    .replace(/(?:\/__init__)?\.py$/, '')
    .replaceAll('/', '.');
}

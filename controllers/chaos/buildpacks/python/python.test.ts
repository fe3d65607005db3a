import { expect, test } from 'vitest';
import { newTree } from '../../testkit/tree.ts';
import { emptyProject } from '../settings.ts';
import { readDependencies, readPyproject } from './dependencies.ts';
import { launch, plan } from './index.ts';
import { markerHolds } from './markers.ts';
import { specifierOf } from './requirement.ts';

const start = async (files: Readonly<Record<string, string>>) => {
  const made = await plan(await newTree(files), emptyProject);
  return { command: launch(made).processes['web'], server: made.server };
};
const django = `os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')`;

test.each([
  [
    { 'app.py': 'app = Flask(__name__)' },
    'gunicorn --bind 0.0.0.0:$PORT --access-logfile - app:app',
    'gunicorn',
  ],
  [
    { 'requirements.txt': 'flask\ngunicorn', 'app/__init__.py': 'def create_app(config=None):' },
    "gunicorn --bind 0.0.0.0:$PORT --access-logfile - 'app:create_app()'",
    null,
  ],
  [
    { 'requirements.txt': 'fastapi', 'app/main.py': 'api: FastAPI = FastAPI(title="x")' },
    'uvicorn app.main:api --host 0.0.0.0 --port $PORT',
    'uvicorn',
  ],
  [
    { 'requirements.txt': 'fastapi[standard]\nuvicorn', 'src/main.py': 'app = fastapi.FastAPI()' },
    'uvicorn main:app --host 0.0.0.0 --port $PORT',
    null,
  ],
  [
    { 'requirements.txt': 'Django', 'manage.py': django },
    'gunicorn --bind 0.0.0.0:$PORT --access-logfile - shop.wsgi:application',
    'gunicorn',
  ],
  [
    { 'requirements.txt': 'Django\ndaphne', 'manage.py': django, 'shop/asgi.py': '' },
    'daphne -b 0.0.0.0 -p $PORT shop.asgi:application',
    null,
  ],
  [{ 'main.py': 'print(1)' }, 'python3 main.py', null],
] as const)('%j starts with %s', async (files, command, server) => {
  const found = await start(files);
  expect(found.command).toBe(command);
  expect(found.server?.split('==')[0] ?? null).toBe(server);
});

test.each([
  ['runtime.txt', 'python-3.11.4\n', null],
  ['runtime.txt', 'python-3.12.1\n', 'runtime.txt asks for Python 3.12.1, and there is 3.11'],
  ['.python-version', '# ours\n3.11\n', null],
  ['.python-version', '3.9.1', '.python-version asks for Python 3.9.1'],
  [
    'pyproject.toml',
    '[project]\nname="x"\nrequires-python = ">=3.13"',
    'pyproject.toml asks for Python >=3.13',
  ],
  ['pyproject.toml', '[tool.poetry.dependencies]\npython = "^3.10"', null],
  ['pyproject.toml', '[project\n', 'pyproject.toml cannot be read'],
  ['Pipfile', '[requires]\npython_version = "3.8"', 'Pipfile asks for Python 3.8'],
  ['runtime.txt', 'lots', '"lots" is not a version of Python'],
])('%s %j: %s', async (file, text, message) => {
  const planned = start({ 'main.py': '', [file]: text });
  if (message === null) await planned;
  else await expect(planned).rejects.toThrow(message);
});

test.each([
  ['python_version >= "3.8" and sys_platform != "win32"', true],
  ['python_version < "3.10"', false],
  ["(os_name == 'nt' or platform_system == 'Linux') and python_full_version >= '3.11.0'", true],
  ['extra == "standard"', false],
  ['platform_machine not in "armv7l"', true],
  ['python_version == "3.*"', true],
  ['implementation_name == "pypy"', false],
])('marker %s: %s', (marker, holds) => {
  expect(markerHolds(marker)).toBe(holds);
});

test.each([
  ['^2.1', '>=2.1,<3'],
  ['^0.4.2', '>=0.4.2,<0.5'],
  ['~1.2.3', '>=1.2.3,<1.3'],
  ['*', ''],
  ['1.0', '==1.0'],
  ['>=1, <2', '>=1,<2'],
])('%s is %s for pip', (range, specifier) => expect(specifierOf(range)).toBe(specifier));

const textOf = async (files: Readonly<Record<string, string>>) => {
  const source = await newTree(files);
  return readDependencies(source, await readPyproject(source));
};

test('poetry.lock becomes what this platform needs, with hashes, without groups for development', async () => {
  const found = await textOf({
    'pyproject.toml': `[tool.poetry.dependencies]
python = "^3.10"
uvicorn = {version = "^0.30", extras = ["standard"]}
[tool.poetry.group.dev.dependencies]
pytest = "*"`,
    'poetry.lock': `
[[package]]
name = "uvicorn"
version = "0.30.1"
files = [{file = "u.whl", hash = "sha256:aa"}]
[package.dependencies]
click = ">=7"
colorama = {version = ">=0.4", markers = "sys_platform == 'win32'"}
httptools = {version = "*", optional = true, markers = "sys_platform != 'win32' and extra == 'standard'"}
websockets = {version = "*", optional = true, markers = "extra == 'other'"}
[package.extras]
standard = ["httptools"]
[[package]]
name = "click"
version = "8.1"
files = [{file = "c.whl", hash = "sha256:bb"}, {file = "c.tar.gz", hash = "sha256:cc"}]
[[package]]
name = "colorama"
version = "0.4"
files = [{file = "x", hash = "sha256:dd"}]
[[package]]
name = "httptools"
version = "0.6"
files = [{file = "x", hash = "sha256:ee"}]
[[package]]
name = "pytest"
version = "8"
files = [{file = "x", hash = "sha256:ff"}]
`,
  });
  expect(found).toMatchObject({ file: 'poetry.lock', isComplete: true });
  expect(found.text).toBe(
    'click==8.1 --hash=sha256:bb --hash=sha256:cc\nhttptools==0.6 --hash=sha256:ee\nuvicorn==0.30.1 --hash=sha256:aa\n',
  );
});

test('uv.lock becomes what the project needs', async () => {
  const found = await textOf({
    'pyproject.toml': '[project]\nname = "x"\ndependencies = ["flask[async]>=3"]',
    'uv.lock': `version = 1
[[package]]
name = "x"
version = "0.1"
source = { virtual = "." }
dependencies = [{ name = "flask", extra = ["async"] }, { name = "numpy", version = "2.0", marker = "python_full_version >= '3.11'" }]
[package.dev-dependencies]
dev = [{ name = "ruff" }]
[[package]]
name = "flask"
version = "3.0"
source = { registry = "https://pypi.example/simple" }
wheels = [{ url = "https://pypi.example/f.whl", hash = "sha256:aa" }]
[package.optional-dependencies]
async = [{ name = "asgiref" }]
[[package]]
name = "asgiref"
version = "3.8"
source = { registry = "https://pypi.example/simple" }
sdist = { url = "https://pypi.example/a.tar.gz", hash = "sha256:bb" }
[[package]]
name = "numpy"
version = "1.26"
source = { registry = "https://pypi.example/simple" }
wheels = [{ url = "x", hash = "sha256:cc" }]
[[package]]
name = "numpy"
version = "2.0"
source = { registry = "https://pypi.example/simple" }
wheels = [{ url = "x", hash = "sha256:dd" }]
[[package]]
name = "ruff"
version = "1"
source = { registry = "https://pypi.example/simple" }
`,
  });
  expect(found.text).toBe(
    'asgiref==3.8 --hash=sha256:bb\nflask==3.0 --hash=sha256:aa\nnumpy==2.0 --hash=sha256:dd\n',
  );
  expect(found.text).not.toContain('pypi.example');
});

test('Pipfile.lock, Pipfile, pyproject.toml and setup.py are read as well', async () => {
  const lock = {
    default: {
      flask: { version: '==3.0', hashes: ['sha256:aa'] },
      colorama: { version: '==1', hashes: ['sha256:bb'], markers: "sys_platform == 'win32'" },
    },
    develop: { pytest: { version: '==8' } },
  };
  const locked = await textOf({ Pipfile: '', 'Pipfile.lock': JSON.stringify(lock) });
  expect(locked.text).toBe('flask==3.0 --hash=sha256:aa\n');
  const loose = await textOf({
    Pipfile: '[packages]\nflask = "*"\nrequests = {version = "~2.31", extras = ["socks"]}',
  });
  expect(loose.text).toBe('flask\nrequests[socks]>=2.31,<2.32\n');
  expect(loose.warnings).toEqual([
    'Pipfile has no lock file: each build may bring other versions of packages',
  ]);
  const project = await textOf({
    'pyproject.toml': '[project]\ndependencies = ["httpx>=0.27 ; python_version > \'3\'"]',
  });
  expect(project.text).toBe("httpx>=0.27 ; python_version > '3'\n");
  expect((await textOf({ 'setup.py': '' })).text).toBe('.\n');
  expect((await textOf({ 'pyproject.toml': '[tool.ruff]\n' })).file).toBeNull();
});

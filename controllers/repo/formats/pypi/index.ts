import { AppError } from '@skyarc/lib/errors';
import { mustPublish } from '../../access.ts';
import type { Upstream } from '../../store/upstream.ts';
import { type Answer, type Ask, type Handler, ofFirst, servedOf, type Tools } from '../format.ts';
import {
  isFileName,
  isProjectName,
  normalize,
  parseSimple,
  type ProjectFile,
  renderProjects,
  renderSimple,
  simpleHtml,
  simpleJson,
} from './simple.ts';
import { takeUpload } from './upload.ts';

export { discover } from './discover.ts';
export const name = 'pypi';
export const title = 'Python';
export const setup = (base: string): string => `pip config set global.index-url ${base}/simple/`;
export const open = (tools: Tools): Handler => new PypiHandler(tools);

interface Project {
  readonly upstream: Upstream;
  readonly files: readonly ProjectFile[];
}

/** The simple index of Python packages, and twine's uploads. */
class PypiHandler implements Handler {
  private readonly tools: Tools;

  constructor(tools: Tools) {
    this.tools = tools;
  }

  async handle(ask: Ask): Promise<Answer> {
    const { method, parts, caller } = ask;
    const [room = '', project = '', file = ''] = parts;
    if (method === 'POST' && parts.length <= 1 && ['', 'legacy'].includes(room)) return this.upload(ask);
    if (method !== 'GET' && method !== 'HEAD')
      throw new AppError('INVALID', 'A Python index is read, or sent to by twine');
    if (room === 'simple' && parts.length === 1) return this.projects(ask);
    if (!isProjectName(project)) throw new AppError('NOT_FOUND', 'There is no such place in a Python index');
    const normal = normalize(project);
    if (room === 'simple' && parts.length === 2) {
      if (normal !== project || !ask.hasFinalSlash)
        return { status: 301, headers: { location: `${ask.base}/simple/${normal}/` }, body: '' };
      return this.page(ask, normal);
    }
    if (room === 'files' && parts.length === 3 && isFileName(file))
      return this.file(caller.team, normal, file);
    throw new AppError('NOT_FOUND', 'There is no such place in a Python index');
  }

  private async upload(ask: Ask): Promise<Answer> {
    mustPublish(ask.caller);
    const { store, limits } = this.tools;
    const limitBytes = limits.publishMb * 2 ** 20;
    const path = await takeUpload(ask.request, { team: ask.caller.team, store, limitBytes });
    return { headers: text, body: `published ${path}\n` };
  }

  private projects(ask: Ask): Answer {
    const { catalogue } = this.tools;
    const known = catalogue.search(ask.caller.team, '', 10_000).filter(({ format }) => format === 'pypi');
    const names = [...new Set(known.map((one) => one.name))];
    return present(ask, (asJson) => renderProjects(names, asJson));
  }

  private async page(ask: Ask, project: string): Promise<Answer> {
    const own = this.ownFiles(ask.caller.team, project);
    const files = own.length > 0 ? own : (await this.project(project)).files;
    return present(ask, (asJson) => renderSimple(project, files, asJson));
  }

  private async file(team: string, project: string, file: string): Promise<Answer> {
    const { cache, store, limits } = this.tools;
    const path = `${project}/${file}`;
    if (team !== '' && store.has(team, 'pypi', `${project}/`)) {
      const own = store.find(team, 'pypi', path);
      if (own) return { body: servedOf(own, store) };
      throw new AppError('NOT_FOUND', `${project} has no file ${file}`);
    }
    const common = {
      format: 'pypi',
      name: project,
      path,
      maxAgeMs: null,
      limitBytes: limits.fileMb * 2 ** 20,
    };
    const [first] = this.tools.upstreams;
    if (first && cache.find('pypi', path))
      return { body: await cache.open({ ...common, upstream: first, url: path }) };
    const { upstream, files } = await this.project(project);
    const isMetadata = file.endsWith('.metadata');
    const found = files.find((one) => one.name === (isMetadata ? file.slice(0, -'.metadata'.length) : file));
    const digests = isMetadata ? found?.metadata : found?.digests;
    if (!found || !digests || Object.keys(digests).length === 0)
      throw new AppError('NOT_FOUND', `${project} has no file ${file}, or its index tells no digest of it`);
    const url = isMetadata ? `${found.url}.metadata` : found.url;
    return { body: await cache.open({ ...common, upstream, url, digests }) };
  }

  /** From the first index that knows the project. */
  private project(project: string): Promise<Project> {
    const { cache, upstreams, limits } = this.tools;
    return ofFirst(upstreams, `Python project ${project}`, async (upstream, position) => {
      const { text, type } = await cache.text({
        format: 'pypi',
        name: '',
        path: `${project}/-index-${position}`,
        upstream,
        url: `${project}/`,
        accept: `${simpleJson}, ${simpleHtml};q=0.5, text/html;q=0.1`,
        maxAgeMs: limits.indexMaxAgeMs,
        limitBytes: limits.indexMb * 2 ** 20,
      });
      return { upstream, files: parseSimple(text, type, new URL(`${project}/`, upstream.url).href) };
    });
  }

  private ownFiles(team: string, project: string): ProjectFile[] {
    if (team === '') return [];
    return this.tools.store.list(team, 'pypi', `${project}/`).map(({ path, digest, size }) => ({
      name: path.slice(project.length + 1),
      url: '',
      digests: { sha256: digest },
      size,
    }));
  }
}

const text = { 'content-type': 'text/plain; charset=utf-8' };

function present(ask: Ask, render: (asJson: boolean) => string): Answer {
  const accept = ask.request.headers.accept ?? '';
  const asJson = accept.includes(simpleJson) || accept.includes('application/vnd.pypi.simple.latest+json');
  const type = asJson ? simpleJson : 'text/html; charset=utf-8';
  return { headers: { 'content-type': type, vary: 'accept' }, body: render(asJson) };
}

import type { IncomingMessage } from 'node:http';
import { Busboy } from '@fastify/busboy';
import { AppError } from '@skyarc/lib/errors';
import type { Digests } from '../../store/digests.ts';
import type { PrivateStore } from '../../store/private-store.ts';
import { isFileName, isProjectName, normalize } from './simple.ts';

interface UploadTarget {
  readonly team: string;
  readonly store: PrivateStore;
  readonly limitBytes: number;
}

/**
 * Takes a package in as twine and others send it (PyPI's legacy upload API: multipart form with `:action`,
 * `name`, `sha256_digest` and `content`, the file last). Answers the path that it got.
 */
export async function takeUpload(request: IncomingMessage, target: UploadTarget): Promise<string> {
  if (!request.headers['content-type']?.startsWith('multipart/form-data'))
    throw new AppError('INVALID', 'Send a package as a form, as twine does');
  const fields = new Map<string, string>();
  let publishing: Promise<string> | undefined;
  const form = new Busboy({
    headers: { ...request.headers, 'content-type': request.headers['content-type'] },
    limits: { files: 1, fields: 200, fieldSize: 1 << 20, fileSize: target.limitBytes + 1 },
  });
  form.on('field', (name: string, value: string) => fields.set(name, value));
  form.on('file', (field: string, stream, fileName: string) => {
    publishing = publish({ field, fileName, fields, stream }, target);
    publishing.catch(() => stream.resume());
  });
  await new Promise<void>((resolve, reject) => {
    form.once('finish', resolve).once('error', reject);
    request
      .once('error', reject)
      .once('aborted', () => reject(new AppError('CANCELED', 'The upload broke off')));
    request.pipe(form);
  }).catch((cause: unknown) => {
    throw cause instanceof AppError ? cause : new AppError('INVALID', 'The form cannot be read', { cause });
  });
  if (!publishing) throw new AppError('INVALID', 'The form has no file in its field "content"');
  return publishing;
}

async function publish(
  form: {
    readonly field: string;
    readonly fileName: string;
    readonly fields: ReadonlyMap<string, string>;
    readonly stream: AsyncIterable<Uint8Array>;
  },
  { team, store, limitBytes }: UploadTarget,
): Promise<string> {
  const { field, fileName, fields, stream } = form;
  const name = fields.get('name') ?? '';
  const action = fields.get(':action');
  if (field !== 'content' || action !== 'file_upload')
    throw new AppError(
      'INVALID',
      'Only packages can be sent: ":action" is "file_upload", the file is in "content"',
    );
  if (!isProjectName(name))
    throw new AppError('INVALID', `"${name.slice(0, 80)}" is not a name of a Python project`);
  const project = normalize(name);
  const isPackage = isFileName(fileName) && /\.(whl|tar\.gz|zip)$/.test(fileName);
  if (!isPackage || !normalize(fileName).startsWith(`${project}-`))
    throw new AppError('INVALID', `"${fileName.slice(0, 80)}" is not a file name of a package of ${project}`);
  const wanted = { sha256: fields.get('sha256_digest'), md5: fields.get('md5_digest') };
  const digests = Object.fromEntries(
    Object.entries(wanted).filter(([, value]) => value !== undefined && /^[0-9a-f]+$/i.test(value)),
  ) as Digests;
  const path = `${project}/${fileName}`;
  const type = 'application/octet-stream';
  await store.publish(
    { team, format: 'pypi', name: project, path, type, digests, limitBytes, mayReplace: false },
    stream,
  );
  return path;
}

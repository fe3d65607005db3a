import { canceled, SkyarcError, type SkyarcErrorCode, unreachable } from './error.ts';

export interface UploadOptions {
  readonly signal?: AbortSignal;
  /** Told of the bytes that were sent, in browsers. */
  readonly onProgress?: (sentBytes: number) => void;
}

interface Put {
  readonly url: string;
  readonly content: Blob;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof fetch;
}

/** Sends a file by PUT. Throws what the server answers, UNAVAILABLE when it cannot be reached, CANCELED. */
export async function putFile(put: Put, { signal, onProgress }: UploadOptions): Promise<void> {
  const answer =
    onProgress && 'XMLHttpRequest' in globalThis
      ? await byXhr(put, onProgress, signal)
      : await byFetch(put, signal);
  if (answer.status !== 200) throw refusalOf(answer, 'an upload');
}

/** Begins to read a file. Throws what the server answers, UNAVAILABLE when it cannot be reached, CANCELED. */
export async function getFile(
  { url, headers, fetch }: Omit<Put, 'content'>,
  signal?: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const init = { credentials: 'include', headers, ...(signal && { signal }) } as const;
  const response = await fetch(url, init).catch((error: unknown) => {
    throw signal?.aborted ? canceled(error) : unreachable(error);
  });
  if (response.status === 200 && response.body) return response.body;
  throw refusalOf({ status: response.status, text: await response.text() }, 'a download');
}

function refusalOf({ status, text }: Answer, what: string): SkyarcError {
  let said: { code?: SkyarcErrorCode; message?: string } = {};
  try {
    said = JSON.parse(text) as typeof said;
  } catch {
    // A proxy in between answered.
  }
  return new SkyarcError(
    said.code ?? 'UNAVAILABLE',
    said.message ?? `The Skyarc server answered ${status} to ${what}`,
  );
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function byFetch(
  { url, content, headers, fetch }: Put,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const init = { method: 'PUT', credentials: 'include', body: content, headers } as const;
  try {
    const response = await fetch(url, { ...init, ...(signal && { signal }) });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw signal?.aborted ? canceled(error) : unreachable(error);
  }
}

/** Only this tells a browser's page how far an upload is. */
function byXhr(
  { url, content, headers }: Put,
  onProgress: (sentBytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', url);
    request.withCredentials = true;
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener('progress', ({ loaded }) => onProgress(loaded));
    request.addEventListener('load', () => resolve({ status: request.status, text: request.responseText }));
    request.addEventListener('error', () => reject(unreachable(new Error('the connection broke'))));
    request.addEventListener('abort', () => reject(canceled(signal?.reason)));
    signal?.addEventListener('abort', () => request.abort(), { once: true });
    request.send(content);
  });
}

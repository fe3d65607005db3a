import { AppError, messageOf } from '@skyarc/lib/errors';
import type { KubeClient } from '../client/index.ts';
import type { CriClient } from './cri/client.ts';
import type { AuthConfig, Image } from './cri/types.ts';
import { identityOf, specOf, type Pod, type PodContainer } from './pod.ts';

/** Why a container cannot be started yet, in the words of Kubernetes' container status. */
export class WaitingError extends Error {
  readonly reason: string;
  /** Milliseconds until trying again makes sense. */
  readonly retryMs: number;

  constructor(reason: string, message: string, retryMs = 1_000) {
    super(message);
    this.name = 'WaitingError';
    this.reason = reason;
    this.retryMs = retryMs;
  }
}

export interface PullHooks {
  readonly onPulling: (image: string) => void;
  readonly onPulled: (image: string, tookMs: number, sizeBytes: number) => void;
  readonly onPresent: (image: string) => void;
  readonly onFailed: (image: string, error: Error) => void;
}

const firstBackoffMs = 10_000;
const maxBackoffMs = 300_000;

/**
 * Brings images to the node by a container's pull policy. Failures are remembered by pod and image: the
 * next try waits 10 s, doubling to 5 min, and until then the answer is ImagePullBackOff.
 */
export class ImagePuller {
  private readonly cri: CriClient;
  private readonly client: KubeClient;
  private readonly failures = new Map<string, { notBefore: number; waitMs: number; message: string }>();

  constructor(cri: CriClient, client: KubeClient) {
    this.cri = cri;
    this.client = client;
  }

  /** The image, present on the node. Throws WaitingError with the reason Kubernetes shows. */
  async ensure(pod: Pod, container: PodContainer, hooks: PullHooks, signal: AbortSignal): Promise<Image> {
    const name = container.image ?? '';
    const reference = normalizeImage(name);
    if (!reference) {
      throw new WaitingError(
        'InvalidImageName',
        `Failed to apply default image tag "${name}": invalid reference`,
        60_000,
      );
    }
    const policy = container.imagePullPolicy ?? (isLatest(reference) ? 'Always' : 'IfNotPresent');
    const present = policy === 'Always' ? null : await this.find(reference);
    if (present) {
      hooks.onPresent(name);
      return present;
    }
    if (policy === 'Never') {
      throw new WaitingError(
        'ErrImageNeverPull',
        `Container image "${name}" is not present with pull policy of Never`,
        10_000,
      );
    }
    const key = `${identityOf(pod).uid} ${reference}`;
    const failed = this.failures.get(key);
    if (failed && failed.notBefore > Date.now()) {
      throw new WaitingError(
        'ImagePullBackOff',
        `Back-off pulling image "${name}": ${failed.message}`,
        failed.notBefore - Date.now(),
      );
    }
    hooks.onPulling(name);
    const startedAt = Date.now();
    try {
      await this.pull(pod, reference, signal);
      const image = await this.find(reference);
      if (!image) throw new AppError('INTERNAL', `image ${reference} is missing after its pull`);
      this.failures.delete(key);
      hooks.onPulled(name, Date.now() - startedAt, Number(image.size));
      return image;
    } catch (error) {
      if (signal.aborted) throw error;
      const waitMs = Math.min(maxBackoffMs, failed ? failed.waitMs * 2 : firstBackoffMs);
      const message = `failed to pull and unpack image "${name}": ${messageOf(error)}`;
      this.failures.set(key, { notBefore: Date.now() + waitMs, waitMs, message });
      hooks.onFailed(name, new Error(message));
      throw new WaitingError('ErrImagePull', message, Math.min(waitMs, 2_000));
    }
  }

  /** Forgets the failures of a pod that is gone. */
  forget(podUid: string): void {
    for (const key of this.failures.keys()) if (key.startsWith(`${podUid} `)) this.failures.delete(key);
  }

  private async find(reference: string): Promise<Image | null> {
    return (await this.cri.call('ImageStatus', { image: { image: reference } })).image;
  }

  /** Tries each credential that fits the registry, or none when there is none. */
  private async pull(pod: Pod, reference: string, signal: AbortSignal): Promise<void> {
    const credentials: (AuthConfig | undefined)[] = await this.credentialsFor(pod, reference);
    if (credentials.length === 0) credentials.push(undefined);
    let failure: unknown;
    for (const auth of credentials) {
      try {
        await this.cri.call(
          'PullImage',
          { image: { image: reference }, auth },
          { timeoutMs: 1_800_000, signal },
        );
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  private async credentialsFor(pod: Pod, reference: string): Promise<AuthConfig[]> {
    const { namespace } = identityOf(pod);
    const found: AuthConfig[] = [];
    for (const { name } of specOf(pod).imagePullSecrets ?? []) {
      const secret = name ? await this.client.find('secrets', name, namespace) : null;
      const text = secret?.data?.['.dockerconfigjson'];
      if (text) found.push(...readDockerConfig(Buffer.from(text, 'base64').toString('utf8'), reference));
    }
    return found;
  }
}

/** Credentials of a docker config.json that fit an image's registry; none when it cannot be read. */
export function readDockerConfig(text: string, reference: string): AuthConfig[] {
  let auths: Record<string, { username?: string; password?: string; auth?: string; identitytoken?: string }>;
  try {
    auths = (JSON.parse(text) as { auths?: typeof auths }).auths ?? {};
  } catch {
    return [];
  }
  const registry = reference.split('/')[0] ?? '';
  const hosts =
    registry === 'docker.io' ? ['docker.io', 'index.docker.io', 'registry-1.docker.io'] : [registry];
  return Object.entries(auths)
    .filter(([server]) => hosts.includes(server.replace(/^https?:\/\//, '').split('/')[0] ?? ''))
    .map(([, { username, password, auth, identitytoken }]) => {
      if (username !== undefined || !auth) return { username, password, identityToken: identitytoken };
      const [user = '', ...secret] = Buffer.from(auth, 'base64').toString('utf8').split(':');
      return { username: user, password: secret.join(':'), identityToken: identitytoken };
    });
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const host = '(?:localhost|[a-zA-Z0-9-]+(?:\\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9-]+(?=:\\d))(?::\\d+)?';
const imagePattern = new RegExp(
  `^(?:(${host})/)?(${component}(?:/${component})*)(?::(\\w[\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/**
 * A full reference as containerd stores it: `nginx` is `docker.io/library/nginx:latest`; undefined for a
 * name that is none (grammar of distribution/reference).
 */
export function normalizeImage(name: string): string | undefined {
  const match = imagePattern.exec(name);
  if (!match) return undefined;
  const [, registry = 'docker.io', path = '', tag = 'latest', digest] = match;
  const full = `${registry}/${registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path}`;
  return digest ? `${full}@${digest}` : `${full}:${tag}`;
}

function isLatest(reference: string): boolean {
  return reference.endsWith(':latest');
}

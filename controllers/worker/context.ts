import type { KubeClient } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import type { RegistryClient } from '@skyarc/lib/oci';
import type { SecretBox } from '@skyarc/lib/secretbox';
import type { DataCenterDatabase, JournalSink } from '@skyarc/prisma/datacenter';
import type { AppWatch } from './app-watch.ts';
import type { WorkerSettings } from './config.ts';
import type { ImageGuard } from './images/guard.ts';
import type { PullSecrets } from './images/pull-secret.ts';
import type { RenderOptions } from './render/run-spec.ts';
import type { TlsKeeper } from './tls/tls-keeper.ts';

/** What every part of the worker works with. */
export interface WorkerContext {
  readonly config: WorkerSettings;
  readonly db: DataCenterDatabase;
  readonly kube: KubeClient;
  readonly secretBox: SecretBox;
  readonly sink: JournalSink;
  readonly watch: AppWatch;
  readonly tls: Pick<TlsKeeper, 'settle'>;
  readonly renderOptions: RenderOptions;
  /** Where the apps' images are; absent: images of deleted apps are not removed. */
  readonly registry?: RegistryClient;
  /** Absent: whatever image a version names may run. */
  readonly images?: Pick<ImageGuard, 'check'>;
  /** Absent: the registry asks nodes for nothing, or a Secret of somebody else's making answers it. */
  readonly pullSecrets?: Pick<PullSecrets, 'ensure'>;
  readonly log: Logger;
}

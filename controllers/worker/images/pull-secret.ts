import { messageOf } from '@skyarc/lib/errors';
import { ensureObject, type KindTable, type KubeClient } from '@skyarc/lib/kube';
import type { DerivedAccounts } from '@skyarc/lib/oci';
import { labels, managedByValue } from '@skyarc/lib/contracts';
import type { WorkerContext } from '../context.ts';

/** The Secret in every team's namespace with which nodes pull the team's images. */
export const pullSecretName = 'skyarc-pull';

/** Makes each team's nodes able to pull its images, and no other team's. */
export class PullSecrets {
  private readonly kube: KubeClient;
  private readonly registry: string;
  private readonly accounts: DerivedAccounts;

  /** `registry` is its address as nodes know it. */
  constructor(kube: KubeClient, registry: string, accounts: DerivedAccounts) {
    this.kube = kube;
    this.registry = registry;
    this.accounts = accounts;
  }

  /** Makes the Secret be there and right; the namespace has to be there already. */
  async ensure({ team, namespace }: { readonly team: string; readonly namespace: string }): Promise<void> {
    await ensureObject(this.kube, 'secrets', this.render(team, namespace));
  }

  private render(team: string, namespace: string): KindTable['secrets'] {
    const username = `team.${team}`;
    const password = this.accounts.passwordOf(username);
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const config = JSON.stringify({ auths: { [this.registry]: { username, password, auth } } });
    return {
      metadata: {
        name: pullSecretName,
        namespace,
        labels: { [labels.managedBy]: managedByValue, [labels.team]: team },
      },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(config).toString('base64') },
    };
  }

  /**
   * For apps that were deployed before nodes had to log in: their next pods pull with the Secret of their
   * ServiceAccount, without a roll-out.
   */
  async provideForEarlierApps({ db, log }: Pick<WorkerContext, 'db' | 'log'>): Promise<void> {
    const teams = await db.team.findMany({ include: { apps: { select: { name: true } } } });
    for (const { name, namespace, apps } of teams) {
      try {
        if (!(await this.kube.find('namespaces', namespace))) continue;
        await this.ensure({ team: name, namespace });
        for (const app of apps) await this.addToAccount(app.name, namespace);
      } catch (error) {
        log.warn({ team: name, reason: messageOf(error) }, 'cannot provide the pull secret now');
      }
    }
  }

  private async addToAccount(name: string, namespace: string): Promise<void> {
    const account = await this.kube.find('serviceaccounts', name, namespace);
    if (!account || account.metadata?.labels?.[labels.managedBy] !== managedByValue) return;
    if (account.imagePullSecrets?.some((secret) => secret.name === pullSecretName)) return;
    const imagePullSecrets = [...(account.imagePullSecrets ?? []), { name: pullSecretName }];
    await this.kube.patch('serviceaccounts', { name, namespace }, { imagePullSecrets });
  }
}

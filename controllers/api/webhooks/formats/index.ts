import type { WebhookKind } from '@skyarc/lib/contracts';
import type { WebhookFormat } from './format.ts';
import { generic } from './generic.ts';
import { gitea } from './gitea.ts';
import { gitee } from './gitee.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { image } from './image.ts';

/** Every kind of sender. */
export const formats: Readonly<Record<WebhookKind, WebhookFormat>> = {
  GITHUB: github,
  GITLAB: gitlab,
  GITEE: gitee,
  GITEA: gitea,
  GENERIC: generic,
  IMAGE: image,
};
export type * from './format.ts';

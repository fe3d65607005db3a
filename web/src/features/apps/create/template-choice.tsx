import { TemplatesDocument } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { memory } from '../../../components/format.ts';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import styles from '../components/apps.module.css';
import { wizardText } from '../wizard-text.ts';

interface TemplateChoiceProps {
  readonly value?: string;
  readonly onChange?: (name: string) => void;
  readonly onName: (name: string) => void;
  readonly onMemory: (memoryMb: number) => void;
}

/** One of the templates, by its name. */
export function TemplateChoice({ value, onChange, onName, onMemory }: TemplateChoiceProps): ReactNode {
  const t = useText(wizardText);
  const templates = useQuery(TemplatesDocument, {});
  return (
    <Loaded state={templates}>
      {(data) =>
        data.templates.length === 0 ? (
          <Empty title={t('noTemplates')} />
        ) : (
          <div className={styles['choices']} role="radiogroup" aria-label={t('chooseTemplate')}>
            {data.templates.map(({ name, title, description, language, memoryMb }) => (
              <button
                key={name}
                type="button"
                role="radio"
                aria-checked={value === name}
                className={styles['choice']}
                data-testid={`template-${name}`}
                onClick={() => {
                  onChange?.(name);
                  onName(name);
                  onMemory(memoryMb);
                }}
              >
                <strong>{title}</strong>
                <span className="soft small">{description}</span>
                <span className="faint small">
                  {language} · {memory(memoryMb)}
                </span>
              </button>
            ))}
          </div>
        )
      }
    </Loaded>
  );
}

import { AppError } from '@skyarc/lib/errors';
import type { SourceTree } from '../sources/tree.ts';

/** Process types of the Procfile, name -> command line; empty without one. Throws INVALID for a wrong line. */
export async function readProcfile(source: SourceTree): Promise<Readonly<Record<string, string>>> {
  const text = await source.readText('Procfile');
  const processes: Record<string, string> = {};
  for (const [index, line] of (text ?? '').split('\n').entries()) {
    if (!line.trim() || line.trim().startsWith('#')) continue;
    const found = /^([A-Za-z0-9_-]+):\s*(\S.*?)\s*$/.exec(line.replace(/\r$/, ''));
    if (!found) {
      throw new AppError(
        'INVALID',
        `Procfile line ${index + 1} is not like "web: command": ${line.slice(0, 100)}`,
      );
    }
    processes[found[1] as string] = found[2] as string;
  }
  return processes;
}

/** A command line as the image's command: by a shell, which it replaces, so that signals reach the app. */
export function shellCommand(line: string): readonly string[] {
  const isSimple = !/[;&|<>()`\n]|^\s*(?:exec|cd|export|if|for|while|[A-Za-z_]+=)/.test(line);
  return ['/bin/sh', '-c', isSimple ? `exec ${line}` : line];
}

/** Ports that a command line or source text names as literal numbers; PORT beats them. */
export function portsIn(text: string): number[] {
  if (/process\.env\.PORT|process\.env\[["']PORT|environ.*PORT|getenv\(["']PORT|\$\{?PORT/.test(text))
    return [];
  const patterns = [
    /\.listen\(\s*(\d{2,5})\b/g,
    /\bport\s*[:=]\s*(\d{2,5})\b/gi,
    /--port[= ](\d{2,5})\b/g,
    /(?:-b|--bind)[= ][^\s:]*:(\d{2,5})\b/g,
    /\(\s*["'](?:0\.0\.0\.0|localhost|127\.0\.0\.1)?["']\s*,\s*(\d{2,5})\s*\)/g,
    /runserver\s+\S+:(\d{2,5})/g,
  ];
  const found = patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => Number(match[1])));
  return [...new Set(found)].filter((port) => port > 0 && port < 65_536);
}

import type { KubeClient, PodRef } from '@skyarc/lib/kube';
import type { Leader } from './shell.ts';

/**
 * As a modem that hangs up: every process of the terminal gets SIGHUP, its leader SIGKILL half a second later.
 * What was detached by nohup or setsid stays, as at any terminal.
 */
const script = `
for signal in HUP KILL; do
  for folder in /proc/[0-9]*; do
    { read -r line < "$folder/stat"; } 2>/dev/null || continue
    pid=\${folder#/proc/}
    set -- "$1" \${line##*) }
    [ "$5" = "$1" ] || continue
    [ $signal = HUP ] || [ "$pid" = "$1" ] && kill -$signal "$pid" 2>/dev/null
  done
  [ $signal = KILL ] || sleep 0.5
done`;

const timeoutMs = 5_000;

/** Ends the processes of a terminal whose connection is gone: the container runtime would leave them running. */
export async function hangUp(kube: KubeClient, place: PodRef, { shell, pid }: Leader): Promise<void> {
  await kube.exec(place, [...shell, '-c', script, 'sh', pid], timeoutMs);
}

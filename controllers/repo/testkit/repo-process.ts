import { type RepoConfig, start } from '../main.ts';

// The service in a process of its own, for tests that kill it; its configuration is the only argument.
const { url } = await start(JSON.parse(process.argv[2] as string) as RepoConfig);
process.stdout.write(`${url}\n`);

import { z } from 'zod';
import { envName, envValue } from './names.ts';
import { subdirectory } from './source.ts';

const argument = z
  .string()
  .max(4_096, 'An argument has at most 4096 characters')
  .refine((text) => !text.includes('\0'), 'An argument has no NUL character');

/** What a container is started with instead of what its image says; an absent one is the image's. */
export const containerSettings = z.object({
  entrypoint: z.array(argument).max(100, 'An entrypoint has at most 100 arguments').optional(),
  workingDir: z
    .string()
    .max(512, 'A path has at most 512 characters')
    .regex(/^\/[^\p{Cc}]*$/u, 'is not an absolute path such as /srv/app')
    .optional(),
  /** User and group by number. */
  user: z
    .string()
    .regex(/^\d{1,9}(:\d{1,9})?$/, "is a number, or two as in 1000:1000; names are the image's own")
    .optional(),
});
export type ContainerSettings = z.output<typeof containerSettings>;

const name = z
  .string()
  .max(128)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.@/-]*$/, 'has letters, digits, ".", "_", "-" and "/"');
const words = z
  .record(envName, envValue)
  .refine((map) => Object.keys(map).length <= 100, 'At most 100 of them');
const line = z
  .string()
  .max(2_000, 'A command has at most 2000 characters')
  .regex(/^[^\0\r\n]*$/, 'A command is one line');

/** What a person set for the builds of an app; what is absent is left to the source. */
export const buildOptions = z.object({
  /** A package of a workspace, a module of a Maven or Gradle project, or a folder. */
  module: name.optional(),
  /** Command that builds, instead of the buildpack's own. */
  command: line.optional(),
  /** Command that starts the app, instead of the one that was found. */
  start: line.optional(),
  /** Arguments of a Dockerfile. */
  args: words.optional(),
  /** Environment of the build's commands. */
  env: words.optional(),
  /** Path of the Dockerfile in the source. */
  dockerfile: subdirectory.optional(),
  /** Stage of the Dockerfile. */
  target: z
    .string()
    .regex(/^\w[\w.-]{0,127}$/, 'is not the name of a stage')
    .optional(),
  /** Folder that a web server shows. */
  documentRoot: subdirectory.optional(),
  /** Ports that are found in the source get no address outside, unless a person gives them one. */
  privatePorts: z.boolean().optional(),
});
export type BuildOptions = z.output<typeof buildOptions>;

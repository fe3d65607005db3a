/**
 * Flags of Node.js for a service's process. MiB of a semi-space, of which the young generation has three: by default it
 * grows to some hundred megabytes while much passes through, and stays there.
 */
export const serviceFlags: readonly string[] = ['--max-semi-space-size=4'];

import type { FailureRule } from '../../explain.ts';

/** What the go command says when it fails, in a person's words. */
export const failures: readonly FailureRule[] = [
  {
    pattern: /SECURITY ERROR[\s\S]*?|verifying (\S+): checksum mismatch/,
    say: (match) => `package ${match[1] ?? ''} is not what go.sum knows; was it changed after its release?`,
  },
  {
    pattern: /missing go\.sum entry|updates to go\.(?:mod|sum) needed|go: inconsistent vendoring/,
    say: () => 'go.mod, go.sum and vendor/ disagree; run "go mod tidy" (and "go mod vendor") and commit them',
  },
  {
    pattern: /(?:no required module provides package|cannot find module providing package) ([^\s;:]+)/,
    say: (match) =>
      `no module provides package ${match[1]}; run "go get ${match[1]}" and commit go.mod and go.sum`,
  },
  {
    pattern:
      /go: (\S+@\S+): (?:reading|invalid version|unrecognized import path).*(?:404|410|unknown revision|not found)/,
    say: (match) => `module ${match[1]} does not exist for the Go module proxy; check its path and version`,
  },
  {
    pattern: /go: (?:\S+ requires |module requires |go\.mod requires )?go >= (\S+)/,
    say: (match) => `a package needs Go ${match[1]}; raise the go line of go.mod`,
  },
  {
    pattern: /build constraints exclude all Go files in (\S+)|C compiler "\w+" not found/,
    say: () => 'a package needs cgo, and builds have no C compiler; use one in pure Go, or a Dockerfile',
  },
  {
    pattern: /^((?:\.\/)?[\w./@-]+\.go:\d+(?::\d+)?: .+)$/m,
    say: (match) => `the Go compiler found errors, the first: ${match[1]}`,
  },
];

import { AppError } from '@skyarc/lib/errors';
import { renderImageArchive, renderTar } from './oci-archive.ts';

const loadAddress = 0x40_0000n;
const headerBytes = 64 + 56;

/**
 * The archive of a pod's `pause` image: one static program that holds the pod's namespaces open. It is
 * assembled here, since a machine need not have a compiler nor reach a registry.
 * Throws INVALID for a processor other than x64 and arm64.
 */
export function renderPauseImage(reference: string, arch: string = process.arch): Buffer {
  const program = renderPauseProgram(arch);
  return renderImageArchive({
    reference,
    layers: [renderTar([{ path: 'pause', content: program, mode: 0o755 }])],
    architecture: arch === 'arm64' ? 'arm64' : 'amd64',
    entrypoint: ['/pause'],
    user: '65535:65535',
  });
}

/**
 * A static ELF64 program: ignore SIGCHLD, so that the kernel reaps orphans for us when the pod shares its
 * process namespace (sigaction(2), POSIX.1-2001), then sleep for ever. As PID 1 of its namespace it has no
 * default action for SIGTERM, so the runtime ends it by SIGKILL.
 */
export function renderPauseProgram(arch: string): Buffer {
  const code = arch === 'x64' ? codeForX64() : arch === 'arm64' ? codeForArm64() : undefined;
  if (!code) throw new AppError('INVALID', `Cannot make the pause image: processor ${arch} is not supported`);
  const size = BigInt(headerBytes + code.length);
  const elf = Buffer.alloc(headerBytes);
  elf.write('\x7fELF', 0, 'latin1');
  elf.set([2, 1, 1], 4); // 64 bit, little endian, version 1
  elf.writeUInt16LE(2, 16); // ET_EXEC
  elf.writeUInt16LE(arch === 'x64' ? 62 : 183, 18); // EM_X86_64, EM_AARCH64
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(loadAddress + BigInt(headerBytes), 24); // entry
  elf.writeBigUInt64LE(64n, 32); // program headers follow
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt32LE(1, 64); // PT_LOAD
  elf.writeUInt32LE(5, 68); // read, execute
  elf.writeBigUInt64LE(loadAddress, 80);
  elf.writeBigUInt64LE(loadAddress, 88);
  elf.writeBigUInt64LE(size, 96);
  elf.writeBigUInt64LE(size, 104);
  elf.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([elf, code]);
}

/** struct sigaction of rt_sigaction(2): SIG_IGN, no flags, no restorer, empty mask. */
const ignoreAction = Buffer.from([1, ...Array<number>(31).fill(0)]);

function codeForX64(): Buffer {
  const code = Buffer.from([
    184, 13, 0, 0, 0, 191, 17, 0, 0, 0, 72, 141, 53, 0, 0, 0, 0, 49, 210, 65, 186, 8, 0, 0, 0, 15, 5, 184, 34,
    0, 0, 0, 15, 5, 235, 247,
  ]);
  code.writeInt32LE(code.length - 17, 13);
  return Buffer.concat([code, ignoreAction]);
}

/** `movz x<register>, #value`. */
function move(register: number, value: number): number {
  return 0xd280_0000 + value * 32 + register;
}

function codeForArm64(): Buffer {
  const svc = 0xd400_0001;
  const words = [
    move(0, 17), // SIGCHLD
    0x1000_0001, // adr x1, action
    move(2, 0),
    move(3, 8),
    move(8, 134), // rt_sigaction
    svc,
    ...[0, 1, 2, 3, 4].map((register) => move(register, 0)),
    move(8, 73), // ppoll of nothing: arm64 has no pause
    svc,
    0x17ff_fff9, // b back to the first move of the loop
  ];
  // adr's immediate counts bytes from its own place, in units of 4 above bit 5.
  words[1] = 0x1000_0001 + (words.length - 1) * 32;
  const code = Buffer.alloc(words.length * 4);
  words.forEach((word, index) => code.writeUInt32LE(word, index * 4));
  return Buffer.concat([code, ignoreAction]);
}

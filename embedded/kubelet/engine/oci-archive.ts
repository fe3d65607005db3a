import { createHash } from 'node:crypto';

export interface ArchiveFile {
  readonly path: string;
  readonly content: Buffer;
  readonly mode?: number;
}

/** An uncompressed tar (POSIX ustar) of regular files, the same bytes for the same input. */
export function renderTar(files: readonly ArchiveFile[]): Buffer {
  const parts = files.flatMap(({ path, content, mode }) => [
    tarHeader(path, content.length, mode ?? 0o644),
    content,
    Buffer.alloc((512 - (content.length % 512)) % 512),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

export interface ImageOptions {
  /** Full reference that the image gets on import, e.g. `localhost/skyarc/pause:1`. */
  readonly reference: string;
  /** Uncompressed layer tars, lowest first. */
  readonly layers: readonly Buffer[];
  readonly architecture: 'amd64' | 'arm64';
  readonly entrypoint?: readonly string[];
  readonly user?: string;
}

/** An OCI image layout (image-spec 1.1) with one image, packed as a tar that containerd imports. */
export function renderImageArchive(options: ImageOptions): Buffer {
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, content: Buffer) => {
    const hex = createHash('sha256').update(content).digest('hex');
    blobs.set(hex, content);
    return { mediaType, digest: `sha256:${hex}`, size: content.length };
  };
  const layers = options.layers.map((layer) => add('application/vnd.oci.image.layer.v1.tar', layer));
  const config = add(
    'application/vnd.oci.image.config.v1+json',
    json({
      architecture: options.architecture,
      os: 'linux',
      config: { Entrypoint: options.entrypoint, User: options.user },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
    }),
  );
  const manifest = add(
    'application/vnd.oci.image.manifest.v1+json',
    json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers }),
  );
  const annotations = { 'io.containerd.image.name': options.reference };
  return renderTar([
    { path: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', content: json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }) },
    ...[...blobs].map(([hex, content]) => ({ path: `blobs/sha256/${hex}`, content })),
  ]);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** POSIX.1-1988 ustar header block. */
function tarHeader(path: string, size: number, mode: number): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, offset: number, length: number) =>
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset);
  header.write(path, 0, 100);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

export { archiveFormatOf, type ArchiveFormat, type ArchiveLimits, unpackArchive } from './unpack.ts';

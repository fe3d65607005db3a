-- AlterTable
ALTER TABLE "Build" ADD COLUMN "cacheBytes" BIGINT;
ALTER TABLE "Build" ADD COLUMN "cacheLimitBytes" BIGINT;
ALTER TABLE "Build" ADD COLUMN "layers" TEXT;
ALTER TABLE "Build" ADD COLUMN "proof" TEXT;
ALTER TABLE "Build" ADD COLUMN "sentBytes" BIGINT;

-- AlterTable
ALTER TABLE "Outbox" ADD COLUMN "lane" TEXT NOT NULL DEFAULT '';
